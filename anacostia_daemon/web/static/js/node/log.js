// The log, followed: asks for what came after the last answer, now and then, at once when something happened to the node.
// Never more than MOST lines in the page; nothing is asked for while it is hidden or not followed.
import { line } from "./line.js";

const MOST = 2000;
const PAGE = 200;
const [OFTEN, SELDOM] = [700, 3000]; // milliseconds between two looks: while lines come, else
const NEAR = 40; // pixels from the end that are the end yet

export class Log {
  constructor(path) {
    this.path = path;
    this.place = document.getElementById("log");
    this.state = document.getElementById("log-state");
    this.form = document.getElementById("log-filters");
    [this.stopped, this.top] = [false, 0];
    this.run = (id) => `${location.pathname.replace(/\/nodes\/[^/]*$/, "")}/runs/${id}`;
    this.earlier = document.createElement("button");
    Object.assign(this.earlier, { type: "button", className: "earlier", textContent: "Earlier lines", hidden: true });
    this.earlier.addEventListener("click", () => this.back());
    this.lines = document.createElement("div");
    this.place.append(this.earlier, this.lines);
    this.form.addEventListener("submit", (event) => event.preventDefault());
    this.form.elements.search.addEventListener("input", () => {
      this.asked = null; // what is under way has the old words: its answer must not end the wait for the new ones
      this.later(250, () => this.anew());
    });
    this.form.elements.level.addEventListener("change", () => this.anew());
    this.form.elements.follow.addEventListener("change", () => this.follows && this.soon(true));
    this.place.addEventListener("scroll", () => this.scrolled());
    document.addEventListener("visibilitychange", () => document.hidden || this.soon());
    this.anew();
  }

  get follows() {
    return this.form.elements.follow.checked;
  }

  get filters() {
    const { search, level } = this.form.elements;
    return { ...(search.value && { search: search.value }), ...(level.value && { level: level.value }) };
  }

  later(milliseconds, what) {
    clearTimeout(this.timer);
    if (!this.stopped) this.timer = setTimeout(what, milliseconds);
  }

  // Something is there to be read, probably.
  soon(end = false) {
    if (end) this.toEnd();
    if (this.follows) this.later(60, () => this.onward());
  }

  stop(gone) {
    this.stopped = gone;
    clearTimeout(this.timer);
    if (!gone) this.anew();
  }

  async ask(more) {
    const asked = (this.asked = new URLSearchParams({ limit: PAGE, ...this.filters, ...more }));
    const answer = await fetch(`${this.path}?${asked}`).catch(() => null);
    if (this.asked !== asked || this.stopped) return null; // another question was asked meanwhile
    if (answer?.ok) return answer.json();
    this.state.textContent = "The log cannot be read now.";
    this.later(SELDOM, () => this.onward());
    return null;
  }

  // From the end, with the filters as they are now.
  async anew() {
    clearTimeout(this.timer);
    this.after = null;
    const page = await this.ask({});
    if (!page) return;
    this.before = page.before;
    this.after = page.after;
    this.lines.replaceChildren(...this.made(page));
    this.toEnd();
    this.said(page);
    this.later(OFTEN, () => this.onward());
  }

  async onward() {
    if (document.hidden || !this.follows) return;
    if (!this.after) return this.anew();
    const page = await this.ask({ after: this.after });
    if (!page) return;
    this.after = page.after ?? this.after;
    this.lines.append(...this.made(page));
    for (let over = this.lines.childElementCount - MOST; over > 0; over--) this.lines.firstChild.remove();
    if (page.lines.length) this.toEnd();
    this.said(page);
    this.later(page.complete ? (page.lines.length ? OFTEN : SELDOM) : 0, () => this.onward());
  }

  async back() {
    const page = await this.ask({ before: this.before });
    if (!page) return;
    const height = this.place.scrollHeight;
    this.before = page.before;
    this.lines.prepend(...this.made(page));
    this.place.scrollTop += this.place.scrollHeight - height;
    this.said(page);
    this.later(SELDOM, () => this.onward());
  }

  made(page) {
    return page.lines.map((each) => line(each, { run: this.run, search: this.filters.search }));
  }

  said(page) {
    this.earlier.hidden = !this.before;
    const none = Object.keys(this.filters).length ? "No line fits." : "Nothing was written yet.";
    const text = this.lines.childElementCount ? "" : this.before && !page.complete ? "No line fits in what was looked through so far." : none;
    if (this.state.textContent !== text) this.state.textContent = text;
  }

  toEnd() {
    this.place.scrollTop = this.place.scrollHeight;
  }

  // Who scrolls back reads, and wants it to stand still; who returns to the end follows again.
  scrolled() {
    const [top, before] = [this.place.scrollTop, this.top];
    this.top = top;
    const end = this.place.scrollHeight - top - this.place.clientHeight < NEAR;
    if (end === this.follows || (!end && top >= before)) return;
    this.form.elements.follow.checked = end;
    if (end) this.soon();
  }
}
