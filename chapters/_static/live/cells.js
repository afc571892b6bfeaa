// Cells of a chapter, changed and run in the page.  They share what they define, as in a notebook.
import { makeEditor } from "./editor.js";
import * as python from "./python.js";

const SECONDS = 20;

const make = (name, properties = {}) => Object.assign(document.createElement(name), properties);

// Signs of the sentences, which are written for a page that draws formulas.
const SIGNS = {
  alpha: "α", beta: "β", gamma: "γ", delta: "δ", varepsilon: "ε", eta: "η", mu: "μ", sigma: "σ",
  cdot: "·", times: "×", sqrt: "√", hat: "", mathbf: "", texttt: "", approx: "≈", le: "≤", ge: "≥",
};

function plain(sentence) {
  const signs = sentence.replace(/\\([a-z]+)/g, (whole, name) => SIGNS[name] ?? whole);
  return signs.replace(/[$`]|\*\*/g, "").trim();
}

let steps; // a promise of what is executed, in order: {cell, source}
let known = { life: -1, steps: new Set() }; // what has run in this life of Python

function button(label, act) {
  const made = make("button", { type: "button", textContent: label });
  made.addEventListener("click", act);
  return made;
}

class Cell {
  constructor(root) {
    this.root = root;
    this.number = Number(root.dataset.cell);
    this.block = root.querySelector(".cell_input");
    this.source = root.querySelector("pre").textContent.replace(/\n+$/, "");
    const part = (name) => root.querySelector(`.live-${name}`);
    [this.buttons, this.progress, this.shown] = ["buttons", "progress", "shown"].map(part);
    const edits = this.buttons.querySelector("button");
    edits.addEventListener("click", () => this.open());
    edits.disabled = false;
  }

  open() {
    const look = { className: "live-editor", value: this.source, wrap: "off", spellcheck: false };
    this.area = make("textarea", { ...look, autocapitalize: "off", autocomplete: "off" });
    this.area.setAttribute("aria-label", `Code of cell ${this.number}`);
    this.area.setAttribute("autocorrect", "off");
    this.editor = makeEditor(this.area, () => this.run());
    this.block.hidden = true;
    this.block.after(this.area);
    this.buttons.replaceChildren(
      button("Run", () => this.run()),
      button("As in the book", () => this.write(this.source)),
      button("Restart", () => this.restart()),
    );
    this.area.focus();
    this.waits = true;
    python.load().catch((error) => this.show(`Python cannot be had here: ${error.message}.`));
  }

  write(source) {
    this.area.value = source;
    this.editor.fit();
  }

  text() {
    return this.area?.value ?? this.source;
  }

  show(text) {
    this.shown.hidden = false;
    this.shown.textContent = text;
  }

  come(sentence) {
    this.progress.hidden = !sentence || !this.waits;
    this.progress.textContent = sentence;
  }

  // Runs what stands above and has not run, then this cell.
  async run() {
    this.show("Running …");
    try {
      await python.load();
      if (known.life !== python.life()) {
        known = { life: python.life(), steps: new Set() };
      }
      const now = this.wanted(await steps());
      const cells = now.map((step) => [`cell ${step.cell}`, this.textOf(step)]);
      const { shown, error } = await python.call("run", { cells }, SECONDS);
      shown.forEach((_, i) => known.steps.add(now[i]));
      // what the cell shows, and the sentences behind it: they say whether they still hold
      const said = shown.filter((_, i) => now[i].cell >= this.number).map(plain);
      const text = [...said, error].filter(Boolean).join("\n\n");
      this.show(text || "It ran, and shows nothing: end with a name to see its value.");
    } catch (error) {
      const slow = error instanceof python.TooLong;
      this.show(
        slow
          ? `Your code does not end within ${SECONDS} s, and was stopped.`
          : `Python cannot be had here: ${error.message}.`,
      );
    }
    this.waits = false;
  }

  // What stands above and has not run, the cell, and what follows until the next one to be run.
  wanted(all) {
    const end = all.findIndex(({ cell, visible }) => visible && cell > this.number);
    return all
      .slice(0, end < 0 ? all.length : end)
      .filter((step) => step.cell >= this.number || !(step.says || known.steps.has(step)));
  }

  restart() {
    python.restart();
    this.show("Python begins anew: what the cells had defined is gone.");
  }
}

export function start(folder) {
  const cells = [...document.querySelectorAll("[data-cell]")].map((root) => new Cell(root));
  const page = location.pathname.split("/").pop().replace(/\.html$/, "");
  let asked;
  steps = () =>
    (asked ??= fetch(new URL(`${page}.cells.json`, folder)).then((answer) => answer.json()));
  for (const cell of cells) {
    cell.textOf = (step) => {
      const edited = cells.find(({ number, area }) => area && number === step.cell);
      return edited && step.visible ? edited.text() : step.source;
    };
  }
  python.prepare(folder, (sentence) => cells.forEach((cell) => cell.come(sentence)));
}
