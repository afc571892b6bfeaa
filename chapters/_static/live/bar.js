// The bar on top of an exercise: points, the state of Python, the notebook out and in.
import { answersOf, download, withAnswers } from "./notebook.js";

function element(name, properties = {}, children = []) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function button(label, act) {
  const made = element("button", { type: "button", textContent: label });
  made.addEventListener("click", act);
  return made;
}

// blocks: the questions of the page, each with name, block, answer(), set(source), kept().
export function makeBar(blocks, notebook) {
  const total = element("span", { className: "live-total" });
  const each = element("ul");
  const said = element("p", { className: "live-said" });
  said.setAttribute("role", "status");
  const tell = (sentence) => {
    said.textContent = sentence;
  };
  const chosen = element("input", { type: "file", accept: ".ipynb", hidden: true });
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
  const bar = element("div", { className: "live-bar" }, [
    element("p", {}, [
      "Answer in this page: type, then press Check. Your points: ",
      total,
      ". What you type is kept in this browser.",
    ]),
    each,
    element("p", { className: "live-buttons" }, [
      button("Download", write),
      button("Load", () => chosen.click()),
      chosen,
    ]),
    said,
  ]);
  bar.setAttribute("role", "group");
  bar.setAttribute("aria-label", "Your answers");

  function update() {
    const points = blocks.map((block) => block.kept()?.points ?? 0);
    const outOf = blocks.map((block) => block.outOf);
    const sum = (numbers) => numbers.reduce((one, other) => one + other, 0);
    total.textContent = `${sum(points)} of ${sum(outOf)}`;
    each.replaceChildren(
      ...blocks.map((block, i) => {
        const link = element("a", { href: `#${block.root.id}`, textContent: block.title });
        return element("li", {}, [link, ` ${points[i]} of ${outOf[i]}`]);
      }),
    );
  }
  update();
  return { bar, update };
}
