// The bar on top of an exercise: points, the state of Python, the notebook out and in.
import { answersOf, download, withAnswers } from "./notebook.js";

// bar: its element; blocks: the questions of the page, each with name, block, answer(), set(source), kept().  Returns what
// shows the points anew.
export function bindBar(bar, blocks, notebook) {
  const [total, said] = ["total", "said"].map((name) => bar.querySelector(`.live-${name}`));
  const each = bar.querySelectorAll("li span");
  const [downloads, loads] = bar.querySelectorAll("button");
  const chosen = bar.querySelector("input");
  const tell = (sentence) => {
    said.textContent = sentence;
  };
  chosen.addEventListener("change", async () => {
    const [file] = chosen.files;
    chosen.value = "";
    try {
      const answers = answersOf(await file.text(), blocks.map(({ name }) => name));
      const own = blocks.filter(({ name }) => name in answers);
      own.forEach((block) => block.set(answers[block.name]));
      tell(`${own.length} of ${blocks.length} answers were read from ${file.name}.`);
    } catch (error) {
      tell(`Nothing was read: ${error.message}.`);
    }
  });
  const write = async () => {
    const answers = Object.fromEntries(blocks.map((block) => [block.name, block.answer()]));
    try {
      download(notebook.split("/").pop(), await withAnswers(notebook, answers));
    } catch (error) {
      tell(`Nothing was written: ${error.message}.`);
    }
  };
  downloads.addEventListener("click", write);
  loads.addEventListener("click", () => chosen.click());
  downloads.disabled = loads.disabled = false;

  function update() {
    const points = blocks.map((block) => block.kept()?.points ?? 0);
    const outOf = blocks.map((block) => block.outOf);
    const sum = (numbers) => numbers.reduce((one, other) => one + other, 0);
    total.textContent = `${sum(points)} of ${sum(outOf)}`;
    each.forEach((span, i) => (span.textContent = `${points[i]} of ${outOf[i]}`));
  }
  return update;
}
