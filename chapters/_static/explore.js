// Moves the interactive figures of a page: see bncourse/figures/interactive.py, which writes their HTML.
"use strict";

function exploreFigure(root) {
  const controls = [...root.querySelectorAll(".explore-control")];
  const picture = root.querySelector(".explore-picture svg");
  const groups = [...picture.querySelectorAll("[data-frames]")].map((group) => [
    group,
    new Set(group.dataset.frames.split(" ").map(Number)),
  ]);
  const texts = JSON.parse(root.querySelector(".explore-texts").textContent);
  const said = root.querySelector(".explore-text");

  // The number of the picture that a control asks for, counted from its first value.
  function chosen(control) {
    const slider = control.querySelector("input[type=range]");
    if (!slider) {
      return Number(control.querySelector("input:checked").value) * Number(control.dataset.stride);
    }
    const value = JSON.parse(slider.dataset.values)[Number(slider.value)];
    slider.setAttribute("aria-valuetext", value);
    control.querySelector(".explore-value").textContent = value;
    return Number(slider.value) * Number(slider.dataset.stride);
  }

  function show() {
    const frame = controls.reduce((sum, control) => sum + chosen(control), 0);
    for (const [group, frames] of groups) {
      group.style.display = frames.has(frame) ? "" : "none";
    }
    picture.setAttribute("aria-label", texts[frame]);
    if (said.textContent !== texts[frame]) {
      said.textContent = texts[frame];
    }
  }

  root.addEventListener("input", show);
  root.querySelector(".explore-controls").hidden = false;
  show();
}

document.querySelectorAll(".explore").forEach(exploreFigure);
