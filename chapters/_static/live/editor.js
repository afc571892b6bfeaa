// An editor for a few lines of Python: a text area with indentation.
//
// A text area and no editor of a library: screen readers, phones, spell checkers, undo and right
// to left readers know it, and it weighs nothing.

const INDENT = "    ";

function replace(area, start, end, text) {
  area.setSelectionRange(start, end);
  // the only way that keeps undo; deprecated, and without a successor
  if (!document.execCommand("insertText", false, text)) {
    area.setRangeText(text, start, end, "end");
    area.dispatchEvent(new Event("input", { bubbles: true }));
  }
}

function lineStart(text, at) {
  return text.lastIndexOf("\n", at - 1) + 1;
}

// Tab: every chosen line in or out by one step; without a choice, spaces to the next step.
function indent(area, out) {
  const { value, selectionStart: start, selectionEnd: end } = area;
  if (start === end && !out) {
    const column = start - lineStart(value, start);
    replace(area, start, end, INDENT.slice(column % INDENT.length));
    return;
  }
  const from = lineStart(value, start);
  const lines = value.slice(from, end).split("\n");
  const moved = lines.map((line) => (out ? line.replace(/^ {1,4}/, "") : line && INDENT + line));
  replace(area, from, end, moved.join("\n"));
  const first = Math.max(from, start + moved[0].length - lines[0].length);
  area.setSelectionRange(first, end + moved.join("\n").length - lines.join("\n").length);
}

// Enter: as far in as the line above, a step further after a colon.
function newLine(area) {
  const { value, selectionStart: start, selectionEnd: end } = area;
  const before = value.slice(lineStart(value, start), start);
  const step = /:\s*(#.*)?$/.test(before) ? INDENT : "";
  replace(area, start, end, `\n${before.match(/^ */)[0]}${step}`);
}

// Makes a text area into the editor.  run: what Ctrl+Enter does.
export function makeEditor(area, run) {
  let leaving = false; // Esc, then Tab goes on in the page
  const fit = () => {
    area.rows = Math.max(1, area.value.split("\n").length);
  };
  area.addEventListener("input", fit);
  area.addEventListener("blur", () => (leaving = false));
  area.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      run();
    } else if (event.key === "Escape") {
      leaving = true;
    } else if (event.key === "Tab" && !leaving && !event.ctrlKey && !event.altKey) {
      event.preventDefault();
      indent(area, event.shiftKey);
    } else if (event.key === "Enter" && !event.isComposing) {
      event.preventDefault();
      newLine(area);
    } else if (event.key !== "Shift") {
      leaving = leaving && event.key === "Tab";
    }
  });
  fit();
  return { fit };
}
