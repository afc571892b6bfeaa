// Runs Python beside the page.  It gets all files from the page, and asks no network.

let functions; // of PREPARE, by what they do

const PREPARE = `
import builtins, json, sys
sys.path.insert(0, "/engine")
from bncheck import page

builtins.input = page.no_input

def exercise(packed):
    from exercises.questions import COURSE
    opened = page.Page(COURSE, json.loads(packed))
    return lambda sent: json.dumps(opened.check(**json.loads(sent)))

def chapter():
    cells = page.Cells()
    return lambda sent: json.dumps(cells.run(**json.loads(sent)))
`;

// loadPyodide fetches its files; here they are.
function serve(files, wasm) {
  self.fetch = async (url) => {
    const name = new URL(url, location.href).pathname.split("/").pop();
    if (!(name in files)) {
      throw new TypeError(`a page has no network for Python: ${url}`);
    }
    return new Response(files[name], { headers: { "content-type": "application/wasm" } });
  };
  files["pyodide.asm.wasm"] = new ArrayBuffer(0);
  WebAssembly.instantiateStreaming = async (_, imports) => ({
    module: wasm, // compiled once, for all workers of the page
    instance: await WebAssembly.instantiate(wasm, imports),
  });
}

async function start({ scripts, wasm, files, index }) {
  serve(files, wasm);
  await import(scripts[0]); // else loadPyodide would ask the network for it
  const { loadPyodide } = await import(scripts[1]);
  const pyodide = await loadPyodide({ indexURL: index, stdout() {}, stderr() {} });
  await pyodide.loadPackage("numpy", { messageCallback() {} });
  pyodide.unpackArchive(files["engine.zip"], "zip", { extractDir: "/engine" });
  pyodide.runPython(PREPARE);
  const packed = files["exercise.json"];
  functions = packed
    ? { check: pyodide.globals.get("exercise")(new TextDecoder().decode(packed)) }
    : { run: pyodide.globals.get("chapter")() };
}

self.onmessage = async ({ data }) => {
  if (!functions) {
    try {
      await start(data);
      self.postMessage({});
    } catch (error) {
      self.postMessage({ error: String(error) });
    }
    return;
  }
  const { number, name, values } = data;
  try {
    const result = JSON.parse(functions[name](JSON.stringify(values)));
    self.postMessage({ number, result });
  } catch (error) {
    self.postMessage({ number, error: String(error), fatal: !/PythonError/.test(error?.name) });
  }
};
