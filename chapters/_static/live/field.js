// Where an answer is typed: code in an editor, a value in a field, a choice among letters.
//
// Each gives {node, read, write, touched}: its element, its answer as Python, how to put one in, and
// whether somebody else has.
import { makeEditor } from "./editor.js";

export function fieldOf(block) {
  const { kind } = block.root.dataset;
  const node = block.root.querySelector("textarea, .live-value, fieldset");
  if (kind === "choice") {
    const picked = () => node.querySelector(":checked")?.value;
    const read = () => (picked() ? `${block.own} = "${picked()}"` : block.stub);
    const write = (source) => {
      const [, found] = source.match(/=\s*["'](\w+)["']/) ?? [];
      node.querySelectorAll("input").forEach((one) => (one.checked = one.value === found));
    };
    return { node, read, write, touched: picked };
  }
  const touched = () => node.value !== node.defaultValue;
  if (kind === "value") {
    node.addEventListener("keydown", (event) => event.key === "Enter" && block.check());
    const begin = new RegExp(`^\\s*${block.own}\\s*=\\s*`);
    const read = () => `${block.own} = ${node.value.trim() || "..."}`;
    const write = (source) => (node.value = source.replace(begin, "").replace(/^\.\.\.$/, ""));
    return { node, read, write, touched };
  }
  const { fit } = makeEditor(node, () => block.check());
  const write = (source) => {
    node.value = source;
    fit();
  };
  return { node, read: () => node.value, write, touched };
}
