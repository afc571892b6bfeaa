// Python in the page: fetches the runtime once, keeps one worker, ends it when it takes too long.

export class TooLong extends Error {}
export class Unavailable extends Error {}

const CACHE = "bncheck"; // of the browser: later pages ask no network
let folder; // of this file, as an URL
let also = () => []; // files besides, of a manifest
let starting = null; // the promise of a worker that is ready
let kept = null; // what was fetched, for the next worker
let calls = 0;
let last = Promise.resolve(); // one call at a time: its seconds are its own
let say = () => {};

// where: the folder of these files; progress: called with a sentence, and the share that has come,
// and with an empty sentence when Python is ready; more: files that are needed besides the runtime,
// from the manifest.
export function prepare(where, progress, more = also) {
  folder = where;
  say = progress;
  also = more;
}

// Keeps a file for the next page, in place of older versions of it.
async function keep(cache, url, answer) {
  for (const { url: old } of await cache.keys()) {
    if (new URL(old).pathname === url.pathname) {
      await cache.delete(old);
    }
  }
  await cache.put(url, answer);
}

// The bytes of a file; `grown` is called with the bytes that have come.
async function bytes(path, version, grown) {
  const url = new URL(path, folder);
  url.searchParams.set("v", version);
  const cache = await globalThis.caches?.open(CACHE).catch(() => null);
  let answer = await cache?.match(url);
  if (!answer) {
    try {
      answer = await fetch(url);
    } catch {
      throw new Unavailable("the network is away");
    }
    if (!answer.ok) {
      throw new Unavailable(`the server has no ${path}`);
    }
    if (cache) {
      keep(cache, url, answer.clone()).catch(() => {}); // full: it is fetched again next time
    }
  }
  const reader = answer.body.getReader();
  const parts = [];
  for (let { done, value } = await reader.read(); !done; { done, value } = await reader.read()) {
    parts.push(value);
    grown(value.length);
  }
  return new Blob(parts, { type: answer.headers.get("content-type") ?? "" });
}

async function fetchAll() {
  const answer = await fetch(new URL("live.json", folder)).catch(() => null);
  const manifest = answer?.ok ? await answer.json() : null;
  if (!manifest?.runtime) {
    throw new Unavailable("this copy of the book holds no Python");
  }
  const files = [...Object.entries(manifest.runtime), ...also(manifest)];
  const whole = files.reduce((sum, [, { size }]) => sum + size, 0);
  let come = 0;
  const grown = (size) => {
    come += size;
    const [now, all] = [come, whole].map((size) => (size / 1e6).toFixed(1));
    say(`Python is loading: ${now} of ${all} MB`, come / whole);
  };
  const blobs = await Promise.all(
    files.map(async ([name, { version, path }]) => [name, await bytes(path, version, grown)]),
  );
  say("Python is starting", 1);
  const all = Object.fromEntries(blobs);
  const script = (name) => URL.createObjectURL(new Blob([all[name]], { type: "text/javascript" }));
  const data = Object.entries(all).filter(([name]) => !/\.m?js$/.test(name));
  const buffers = await Promise.all(
    data.map(async ([name, blob]) => [name.split("/").pop(), await blob.arrayBuffer()]),
  );
  const { "pyodide.asm.wasm": wasm, ...rest } = Object.fromEntries(buffers);
  return {
    worker: script("worker.js"),
    scripts: ["pyodide/pyodide.asm.js", "pyodide/pyodide.mjs"].map(script),
    wasm: await WebAssembly.compile(wasm),
    files: rest,
    index: new URL("pyodide/", folder).href,
  };
}

async function newWorker() {
  kept ??= await fetchAll();
  const worker = new Worker(kept.worker, { type: "module" });
  await new Promise((ready, failed) => {
    worker.onmessage = ({ data }) => (data.error ? failed(new Error(data.error)) : ready());
    worker.onerror = (event) => failed(new Error(event.message || "Python did not start"));
    const { scripts, wasm, files, index } = kept;
    worker.postMessage({ scripts, wasm, files, index });
  });
  say("", 1);
  return worker;
}

// Begins to load Python, if it is not there.
export function load() {
  starting ??= newWorker().catch((error) => {
    starting = null;
    say("", 0);
    throw error;
  });
  return starting;
}

function stop(worker) {
  worker.terminate();
  starting = null;
  load().catch(() => {}); // a fresh one is made ready
}

// Calls a function of worker.js: raises TooLong when it takes more than `seconds`, Unavailable
// where Python cannot be had, Error when the interpreter has died.
export function call(name, values, seconds) {
  const now = last.then(() => ask(name, values, seconds));
  last = now.catch(() => {});
  return now;
}

async function ask(name, values, seconds) {
  const worker = await load();
  const number = ++calls;
  return new Promise((done, failed) => {
    const timer = setTimeout(() => {
      stop(worker);
      failed(new TooLong());
    }, 1000 * seconds);
    const end = (act, value) => {
      clearTimeout(timer);
      worker.removeEventListener("message", answered);
      worker.removeEventListener("error", died);
      act(value);
    };
    const answered = ({ data }) => {
      if (data.number === number) {
        if (data.fatal) {
          stop(worker);
        }
        end(data.error ? failed : done, data.error ? new Error(data.error) : data.result);
      }
    };
    const died = (event) => {
      stop(worker);
      end(failed, new Error(event.message));
    };
    worker.addEventListener("message", answered);
    worker.addEventListener("error", died);
    worker.postMessage({ number, name, values });
  });
}
