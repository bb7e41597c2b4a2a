// The graph as SVG: makes elements, and brings one up to date. Knows no events and fetches nothing.
// A kind is told by its shape, a phase by its colour, its mark and its word.
import { SIZE } from "./layout.js";

const LONGEST = 23; // characters of a name
const { width: W, height: H } = SIZE;

const SHAPES = {
  metadata_store: `M1 9C1 -2 ${W - 1} -2 ${W - 1} 9V${H - 8}C${W - 1} ${H + 3} 1 ${H + 3} 1 ${H - 8}ZM1 9C1 16 ${W - 1} 16 ${W - 1} 9`,
  resource: `M17 1H${W - 17}L${W - 1} ${H / 2}L${W - 17} ${H - 1}H17L1 ${H / 2}Z`,
  action: `M12 1H${W - 12}Q${W - 1} 1 ${W - 1} 12V${H - 12}Q${W - 1} ${H - 1} ${W - 12} ${H - 1}H12Q1 ${H - 1} 1 ${H - 12}V12Q1 1 12 1Z`,
};
const MARKS = {
  ready: "M5 1a4 4 0 1 1-.01 0Z",
  starting: "M5 1.500a3.500 3.500 0 1 0 3.500 3.500",
  stopping: "M5 1L9.500 9H.5Z",
  killing: "M5 1L9.500 9H.5Z",
  backoff: "M5 1L9.500 9H.5Z",
  failed: "M5 0L10 5L5 10L0 5Z",
  down: "M5 1.800a3.200 3.200 0 1 1-.01 0Z",
  paused: "M1 1h3v8h-3ZM6 1h3v8h-3Z",
};

export function make(name, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

export function edge(path) {
  return make("path", { class: "edge", d: path, "marker-end": "url(#arrow)" });
}

export function arrow() {
  const marker = make("marker", { id: "arrow", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto" });
  marker.append(make("path", { d: "M0 0.500L8 4L0 7.500Z", class: "tip" }));
  return make("defs", {}, marker);
}

// One item: a link to its node, or, of several, a button that shows them. It has no text yet: see `dress`.
export function item(facts, { x, y }, href) {
  const several = facts.count > 1;
  const element = several ? make("g", { role: "button", tabindex: 0 }) : make("a", { href });
  element.classList.add("node");
  element.setAttribute("transform", `translate(${x - W / 2} ${y - H / 2})`);
  if (several) element.append(make("path", { class: "behind", d: SHAPES[facts.kind], transform: "translate(6 6)" }));
  element.append(make("title"), make("path", { class: "shape", d: SHAPES[facts.kind] ?? SHAPES.action }));
  update(element, facts);
  return element;
}

// Its text, when it can be read for the first time: most of a thousand nodes never are.
export function dress(element, facts) {
  const indent = facts.kind === "resource" ? 24 : 14;
  const low = facts.kind === "metadata_store" ? 5 : 0; // below its lid
  element.append(
    make("text", { class: "name", x: indent, y: 22 + low }, short(facts.name)),
    make("path", { class: "mark", transform: `translate(${indent} ${30 + low})` }),
    make("text", { class: "phase-word", x: indent + 15, y: 39 + low }),
    make("text", { class: "work", x: indent, y: 54 + low }),
  );
  update(element, facts);
}

export const isDressed = (element) => element.lastChild.nodeName === "text";

// `facts`: {name, kind, count, phase, words (of the phase), work, busy, label (read out)}
export function update(element, facts) {
  put(element, "data-phase", facts.phase);
  put(element, "data-kind", facts.kind);
  put(element, "aria-label", facts.label);
  element.classList.toggle("busy", facts.busy);
  say(element.querySelector("title"), facts.hint);
  if (!isDressed(element)) return;
  const [mark, words, work] = [".mark", ".phase-word", ".work"].map((each) => element.querySelector(each));
  put(mark, "d", MARKS[facts.phase] ?? MARKS.down);
  say(words, facts.words);
  say(work, short(facts.work, 27));
}

function put(element, name, value) {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function short(text, most = LONGEST) {
  return text.length <= most ? text : `${text.slice(0, most - 9)}…${text.slice(-8)}`;
}
