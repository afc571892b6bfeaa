// Starts what a page of the book offers: questions to answer, cells to run (see README.md here).
"use strict";

(() => {
  const folder = new URL(".", document.currentScript.src);
  const blocks = document.querySelectorAll("[data-question], [data-cell]");
  if (location.protocol === "file:") {
    // a browser lets no page from a file load modules
    const told = document.createElement("p");
    told.className = "live-note";
    told.textContent =
      "To answer and run code in this page, serve the folder of the book: " +
      "python -m http.server --directory FOLDER, then open http://localhost:8000.";
    document.documentElement.classList.add("live-off");
    blocks[0].before(told);
    return;
  }
  for (const name of ["questions", "cells"]) {
    if (document.querySelector(name === "cells" ? "[data-cell]" : "[data-question]")) {
      import(new URL(`${name}.js`, folder)).then((module) => module.start(folder));
    }
  }
})();
