// What a reader has typed, kept in the browser under the name of the question.

const memory = new Map(); // where the browser keeps nothing
let refused = false;

function key(name) {
  return `answer:${new URL(".", location.href).pathname}${name}`;
}

// What is kept of a question: {stub, source, state, points}; null if there is nothing.
export function load(name) {
  try {
    const kept = localStorage.getItem(key(name));
    return kept === null ? (memory.get(name) ?? null) : JSON.parse(kept);
  } catch {
    return memory.get(name) ?? null;
  }
}

// Keeps it; returns false where the browser refuses: then it lasts as long as the page.
export function save(name, kept) {
  memory.set(name, kept);
  try {
    localStorage.setItem(key(name), JSON.stringify(kept));
    refused = false;
  } catch {
    refused = true;
  }
  return !refused;
}

export function forget(name) {
  memory.delete(name);
  try {
    localStorage.removeItem(key(name));
  } catch {
    // it was not kept
  }
}

// Calls `changed` with the name of a question that another tab has changed.
export function watch(names, changed) {
  addEventListener("storage", (event) => {
    const name = names.find((known) => key(known) === event.key);
    if (name) {
      changed(name);
    }
  });
}
