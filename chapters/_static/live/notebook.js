// The learner's notebook with what was typed, and back.

const CHECK = /^\s*check\(\s*["'](ex\d\d\.\w+)["']/m;

const text = (cell) => [cell.source].flat().join("");

// The page's notebook with the answers in place.  address: of the notebook as it is handed out;
// answers: by the question's name.
export async function withAnswers(address, answers) {
  const reply = await fetch(address);
  if (!reply.ok) {
    throw new Error(`the notebook cannot be fetched: ${address}`);
  }
  const notebook = await reply.json();
  for (const cell of notebook.cells) {
    const own = Object.keys(answers).find((name) => cell.id === `${name.split(".")[1]}-stub`);
    if (own) {
      cell.source = answers[own];
    }
  }
  return JSON.stringify(notebook, null, 1) + "\n";
}

// The answers of a notebook, by the question's name: the code between one check and the next.
// Throws an Error that says what is missing.
export function answersOf(json, names) {
  let notebook;
  try {
    notebook = JSON.parse(json);
  } catch {
    throw new Error("need a notebook (.ipynb), got a file that is no JSON");
  }
  if (!Array.isArray(notebook?.cells)) {
    throw new Error("need a notebook (.ipynb), got a file without cells");
  }
  const answers = {};
  let code = [];
  for (const cell of notebook.cells.filter((one) => one.cell_type === "code")) {
    const found = text(cell).match(CHECK);
    if (found) {
      answers[found[1]] = code.join("\n\n");
      code = [];
    } else if (!["install", "imports"].includes(cell.id) && text(cell).trim()) {
      code.push(text(cell));
    }
  }
  const own = Object.entries(answers).filter(([name]) => names.includes(name));
  if (!own.length) {
    throw new Error(`need the notebook of this exercise, got one without check("${names[0]}", …)`);
  }
  return Object.fromEntries(own);
}

// Hands a file to the reader.
export function download(name, content) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([content], { type: "application/x-ipynb+json" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
