// A question's block in the page: its answer, its buttons, its verdict.
import { fieldOf } from "./field.js";
import { known, lead } from "./more.js";
import * as python from "./python.js";
import * as storage from "./storage.js";

const SLOW = "does not end within";
const ELSEWHERE =
  "Open the notebook in Binder or Colab (the buttons on top of the page), or download it with " +
  "your answers.";

const make = (name, properties = {}) => Object.assign(document.createElement(name), properties);

export class Block {
  constructor(root) {
    this.root = root;
    this.name = root.dataset.question;
    this.own = this.name.split(".")[1];
    this.outOf = Number(root.dataset.points);
    this.stub = root.querySelector("pre").textContent.replace(/\n+$/, "");
    this.hinted = 0;
  }

  // Binds what stands in the page: see tools/site/shells.py.
  build() {
    const part = (name) => this.root.querySelector(`.live-${name}`);
    [this.note, this.verdict, this.hint] = ["note", "verdict", "hint"].map(part);
    [this.progress, this.printed] = ["progress", "print"].map(part);
    [this.bar, this.said] = this.progress.children;
    this.field = fieldOf(this);
    const acts = [() => this.check(), () => this.showHint(), () => this.startOver()];
    part("buttons")
      .querySelectorAll("button")
      .forEach((button, i) => {
        button.addEventListener("click", acts[i]);
        button.disabled = false;
      });
    this.field.node.addEventListener("input", () => this.typed());
    addEventListener("beforeprint", () => (this.printed.textContent = this.field.read()));
    if (this.field.touched() && !this.kept()) {
      this.typed(); // before this script was there
    } else {
      this.restore();
    }
  }

  restore() {
    const kept = this.kept();
    this.field.write(kept?.source ?? this.stub);
    if (kept && kept.stub !== this.stub) {
      this.tell(`This question has changed since you began. Your text is kept; now it begins with:`);
      this.note.append(make("pre", { textContent: this.stub }));
    }
    this.show(kept?.state ?? "", kept?.line ? `${kept.line} (checked before)` : "");
  }

  kept() {
    return storage.load(this.name);
  }

  answer() {
    return this.field.read();
  }

  set(source) {
    this.field.write(source);
    this.typed();
  }

  typed() {
    if (this.root.dataset.needs === undefined) {
      python.load().catch((error) => this.missing(error));
    }
    const stub = this.kept()?.stub ?? this.stub;
    this.keep({ stub, source: this.answer() });
    this.show("", "");
  }

  keep(what) {
    if (!storage.save(this.name, what)) {
      this.tell("This browser keeps nothing for this page: download your answers before you leave.");
    }
    this.changed();
  }

  tell(sentence) {
    this.note.textContent = sentence;
    this.note.hidden = !sentence;
  }

  show(state, text) {
    this.verdict.dataset.state = state.replace(" ", "-");
    this.verdict.textContent = text;
  }

  // How far Python has come, beside the question that waits for it.
  come(sentence, share) {
    this.progress.hidden = !sentence || !this.waits;
    this.said.textContent = sentence;
    this.bar.value = share;
  }

  missing(error) {
    const why = error instanceof python.Unavailable ? error.message : `it stopped (${error.message})`;
    this.show("broken", `Python cannot be had here: ${why}. Your answer is kept. ${ELSEWHERE}`);
  }

  async check() {
    if (this.root.dataset.needs !== undefined) {
      this.show("broken", `This question needs ${this.root.dataset.needs}. ${ELSEWHERE}`);
      return;
    }
    const source = this.answer();
    const cells = this.before().map((block) => [block.name, block.answer()]);
    const seconds = Number(this.root.dataset.seconds);
    this.waits = true;
    this.show("", "Checking …");
    try {
      await python.load();
      const told = await python.call("check", { name: this.name, cells }, seconds);
      this.show(told.state, "");
      this.verdict.innerHTML = told.card;
      this.verdict.querySelector("[role]")?.removeAttribute("role"); // it stands in one
      lead(this.verdict, this.name.split(".")[0]);
      const { state, points, line } = told;
      this.judged(source, { state, points, line });
    } catch (error) {
      if (error instanceof python.TooLong) {
        this.show("wrong", `Your code ${SLOW} ${seconds} s, and was stopped: is there a loop that never stops?`);
        this.judged(source, { state: "wrong", points: 0 });
      } else {
        this.missing(error);
      }
    }
    this.waits = false;
  }

  // Keeps a verdict with the text that it is about; who typed on meanwhile has none yet.
  judged(source, verdict) {
    const now = this.answer();
    this.keep({ stub: this.stub, source: now, ...(now === source ? verdict : {}) });
  }

  async showHint() {
    if (this.root.dataset.needs === undefined) {
      python.load().catch(() => {}); // it will be wanted
    }
    try {
      const all = (await known(this.name.split(".")[0])).hints[this.name];
      this.hinted = Math.min(this.hinted + 1, all.length);
      this.hint.textContent = `Hint ${this.hinted} of ${all.length}: ${all[this.hinted - 1]}`;
    } catch (error) {
      this.hint.textContent = `The hints cannot be had: ${error.message}.`;
    }
  }

  startOver() {
    const before = this.kept();
    storage.forget(this.name);
    this.field.write(this.stub);
    this.show("", "");
    this.tell("");
    this.changed();
    if (before && before.source !== this.stub) {
      this.tell("Your text was taken away. ");
      const back = make("button", { type: "button", textContent: "Bring it back" });
      back.addEventListener("click", () => {
        this.keep(before);
        this.tell("");
        this.restore();
      });
      this.note.append(back);
    }
  }
}
