// What is seen to happen: a signal that moves along its edge, a node that flashes with the reason. Who wants no motion sees
// the edge lit, and the reason. Never more at a time than a machine can draw.
import { make } from "./draw.js";
import { SIZE } from "./layout.js";

const MOST = 80; // signals at a time
const LASTS = 900; // milliseconds
const TOLD = 7000; // milliseconds that a reason stays
const still = matchMedia("(prefers-reduced-motion: reduce)");
const under = new Set();

export function signal(edge) {
  if (!edge || document.hidden || under.size >= MOST || under.has(edge)) return;
  under.add(edge);
  const moving = edge.cloneNode();
  moving.setAttribute("class", "signal");
  moving.removeAttribute("marker-end");
  moving.setAttribute("pathLength", "100");
  if (still.matches) moving.classList.add("still");
  edge.after(moving);
  const over = () => {
    moving.remove();
    under.delete(edge);
  };
  if (still.matches) setTimeout(over, LASTS);
  else moving.animate([{ strokeDashoffset: 14 }, { strokeDashoffset: -100 }], { duration: LASTS, easing: "ease-in-out" }).finished.then(over, over);
}

// `layer` lies over all items, and what is left of `right` is in sight; a node has one reason at a time, large enough to be read from afar.
export function flash(element, layer, { x, y }, words, { right, scale }) {
  element.classList.remove("flash");
  void element.getBoundingClientRect(); // so that the animation begins again
  element.classList.add("flash");
  for (const each of layer.children) if (each.dataset.of === `${x} ${y}`) each.remove();
  const text = make("text", { x: 10, y: 17 }, words.length > 60 ? `${words.slice(0, 59)}…` : words);
  const box = make("rect", { rx: 6, height: 25 });
  const callout = make("g", { class: "callout", "data-of": `${x} ${y}` }, box, text);
  layer.append(callout);
  const larger = Math.max(1, 0.9 / scale);
  const width = text.getComputedTextLength() + 20;
  box.setAttribute("width", width);
  const left = Math.max(x + SIZE.width / 2 - width * larger, Math.min(x - SIZE.width / 2, right - width * larger - 4));
  callout.setAttribute("transform", `translate(${left} ${y - SIZE.height / 2 - 30 * larger}) scale(${larger})`);
  setTimeout(() => {
    callout.remove();
    element.classList.remove("flash");
  }, TOLD);
}
