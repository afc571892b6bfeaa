// The questions of an exercise, answered and checked in the page.
import { bindBar } from "./bar.js";
import { Block } from "./block.js";
import { setFolder } from "./more.js";
import * as python from "./python.js";
import * as storage from "./storage.js";

export function start(folder) {
  setFolder(folder);
  const roots = [...document.querySelectorAll("[data-question]")];
  const blocks = roots.map((root) => new Block(root));
  const short = blocks[0].name.split(".")[0];
  const own = location.pathname.split("/").pop().replace(/\.html$/, ".ipynb");
  const source = new URL(`../../_sources/exercises/${own}`, folder).href;
  const update = bindBar(document.querySelector(".live-bar"), blocks, source);
  const come = (sentence, share) => blocks.forEach((block) => block.come(sentence, share));
  python.prepare(folder, come, (manifest) => [["exercise.json", manifest.exercises[short]]]);
  blocks.forEach((block, i) => {
    block.before = () => blocks.slice(0, i + 1);
    block.changed = update;
    block.build();
  });
  storage.watch(
    blocks.map(({ name }) => name),
    (name) => {
      blocks.find((block) => block.name === name).restore();
      update();
    },
  );
  update();
}
