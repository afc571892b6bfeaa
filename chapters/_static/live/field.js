// Where an answer is typed: code in an editor, a value in a field, a choice among letters.
//
// Each gives {node, read, write}: its element, its answer as Python, and how to put one in.
import { makeEditor } from "./editor.js";

const make = (name, properties = {}) => Object.assign(document.createElement(name), properties);

export function makeField(block) {
  const { kind, choices } = block.root.dataset;
  if (kind === "choice") {
    const group = make("fieldset", { className: "live-choices" });
    group.append(make("legend", { textContent: "Your answer" }));
    for (const choice of choices.split(" ")) {
      const label = make("label");
      label.append(make("input", { type: "radio", name: block.name, value: choice }), choice);
      group.append(label);
    }
    const picked = () => group.querySelector(":checked")?.value;
    const read = () => (picked() ? `${block.own} = "${picked()}"` : block.stub);
    const write = (source) => {
      const [, found] = source.match(/=\s*["'](\w+)["']/) ?? [];
      group.querySelectorAll("input").forEach((one) => (one.checked = one.value === found));
    };
    return { node: group, read, write };
  }
  if (kind === "value") {
    const label = make("label", { textContent: `${block.own} = ` });
    const input = make("input", { type: "text", className: "live-value", autocomplete: "off" });
    input.setAttribute("autocapitalize", "off");
    input.spellcheck = false;
    input.addEventListener("keydown", (event) => event.key === "Enter" && block.check());
    label.append(input);
    const begin = new RegExp(`^\\s*${block.own}\\s*=\\s*`);
    const read = () => `${block.own} = ${input.value.trim() || "..."}`;
    const write = (source) => (input.value = source.replace(begin, "").replace(/^\.\.\.$/, ""));
    return { node: label, read, write };
  }
  const area = make("textarea", { value: block.stub });
  const { fit } = makeEditor(area, `Your code: ${block.title}`, () => block.check());
  const write = (source) => {
    area.value = source;
    fit();
  };
  return { node: area, read: () => area.value, write };
}
