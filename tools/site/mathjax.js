/* TeX to SVG and MathML, by MathJax in Node: a line of JSON in, a line of JSON out.

     node mathjax.js FOLDER_OF_MATHJAX
     {"tex": ..., "display": ...}  ->  {"svg": ..., "glyphs": {id: outline}, "mathml": ..., "error": ...}

   The SVG refers to its glyphs and does not hold them, so that a page can hold each glyph once.
   `error` is what MathJax says about a formula that it cannot read, or null. */

"use strict";

const path = require("path");
const readline = require("readline");

const configuration = {
  loader: { load: ["input/tex-full", "output/svg", "a11y/assistive-mml"] },
  tex: { packages: ["base", "ams", "boldsymbol"] },
  svg: { fontCache: "global" },
};

/* The marks that only a live MathJax reads; the size of an svg is in its own attributes. */
const MARKS = /^data-|^(class|role|focusable)$/;

/* MathJax draws the lines of tables by its style sheet: give them their style themselves. */
function styleLine(adaptor, node) {
  const marks = adaptor.getAttribute(node, "class") || "";
  adaptor.setAttribute(node, "fill", "none");
  adaptor.setAttribute(node, "stroke-width", "70");
  if (marks.includes("mjx-dashed")) adaptor.setAttribute(node, "stroke-dasharray", "140");
  if (marks.includes("mjx-dotted")) adaptor.setAttribute(node, "stroke-dasharray", "0 140");
}

/* Remove marks, and groups that are left without a meaning. */
function clean(adaptor, node) {
  if (adaptor.kind(node) === "#text") return;
  if (["data-line", "data-frame"].some((mark) => adaptor.hasAttribute(node, mark))) {
    styleLine(adaptor, node);
  }
  for (const { name } of adaptor.allAttributes(node)) {
    if (MARKS.test(name)) adaptor.removeAttribute(node, name);
  }
  for (const child of [...adaptor.childNodes(node)]) {
    clean(adaptor, child);
    if (adaptor.kind(child) === "g" && adaptor.allAttributes(child).length === 0) {
      for (const inner of [...adaptor.childNodes(child)]) adaptor.insert(inner, child);
      adaptor.remove(child);
    }
  }
}

function convert(MathJax, tex, display) {
  const { adaptor, output } = MathJax.startup;
  output.fontCache.clearCache();
  const container = MathJax.tex2svg(tex, { display });
  const [wrong] = adaptor.tags(container, "g").map((g) => adaptor.getAttribute(g, "data-mjx-error"))
    .filter((message) => message);
  const glyphs = {};
  for (const outline of adaptor.childNodes(output.fontCache.getCache())) {
    glyphs[adaptor.getAttribute(outline, "id")] = adaptor.getAttribute(outline, "d");
  }
  const [svg, assistive] = adaptor.childNodes(container);
  clean(adaptor, svg);
  clean(adaptor, assistive);
  const mathml = adaptor.innerHTML(assistive);
  const drawing = adaptor.outerHTML(svg).replace(/><\/(use|rect|line)>/g, "/>");
  return { svg: drawing, glyphs, mathml, error: wrong || null };
}

const mathjax = require(path.join(process.argv[2], "node-main.js"));
mathjax.init(configuration).then((MathJax) => {
  readline.createInterface({ input: process.stdin }).on("line", (line) => {
    const { tex, display } = JSON.parse(line);
    process.stdout.write(JSON.stringify(convert(MathJax, tex, display)) + "\n");
  });
}).catch((error) => {
  console.error(error);
  process.exit(1);
});
