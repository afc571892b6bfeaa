/* A formula that is wider than its place scrolls: then, and only then, the keyboard reaches it. */
(() => {
  const update = ({ target }) => {
    const scrolls = target.scrollWidth > target.clientWidth;
    if (scrolls === target.hasAttribute("tabindex")) return;
    if (!scrolls) {
      for (const name of ["tabindex", "role", "aria-label"]) target.removeAttribute(name);
      return;
    }
    target.setAttribute("tabindex", "0");
    target.setAttribute("role", "group");
    target.setAttribute("aria-label", "Formula, scrolls sideways");
  };
  const observer = new ResizeObserver((entries) => entries.forEach(update));
  document.querySelectorAll("div.math > .formula").forEach((box) => observer.observe(box));
})();
