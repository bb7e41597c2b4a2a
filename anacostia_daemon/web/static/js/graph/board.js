// The graph on its board: which nodes there are, which groups are closed, what was laid out and drawn of it. Facts come in by
// its methods; it fetches nothing.
import { arrow, dress, edge, isDressed, item, make, update } from "./draw.js";
import { facts } from "./facts.js";
import { drawn, groupId, groups } from "./groups.js";
import { layout, SIZE } from "./layout.js";
import { flash, signal } from "./motion.js";
import { View } from "./view.js";

const MANY = 60; // nodes from which on those that are alike are drawn as one
const NARROW = 620; // pixels below which the flow goes down

export class Board {
  constructor(place, name) {
    this.place = place;
    this.svg = make("svg", { role: "group", "aria-label": `Graph of ${name}` });
    [this.edges, this.items, this.callouts] = ["edges", "items", "callouts"].map((each) => make("g", { class: each }));
    this.world = make("g", {}, this.edges, this.items, this.callouts);
    this.svg.append(arrow(), this.world);
    place.append(this.svg);
    this.view = new View(this.svg, this.world, () => this.seen());
    this.href = (node) => `/pipelines/${encodeURIComponent(name)}/nodes/${encodeURIComponent(node)}`;
    [this.nodes, this.work, this.dirty, this.elements, this.asked] = [new Map(), new Map(), new Set(), new Map(), 0];
    this.listen(place);
    new ResizeObserver(() => this.resized()).observe(place);
  }

  // At the place, not at the drawing: Chromium lets the tab key stop at whatever in an SVG listens for focus.
  listen(place) {
    place.addEventListener("focusin", ({ target }) => this.world.contains(target) && target.matches(":focus-visible") && this.showItem(target));
    this.svg.addEventListener("click", (event) => this.open(event.target.closest("[role=button]")));
    this.svg.addEventListener("keydown", (event) => {
      if ((event.key !== "Enter" && event.key !== " ") || !event.target.matches("[role=button]")) return;
      event.preventDefault();
      this.open(event.target);
    });
  }

  // All nodes anew: {name, kind, type, predecessors, desired, phase, reason, work}.
  set(nodes) {
    this.nodes = new Map(nodes.map((each) => [each.name, each]));
    this.groups = groups(nodes);
    this.closed = nodes.length > MANY ? this.groups : [];
    this.draw();
    this.fit();
  }

  draw() {
    this.down = this.view.width < NARROW;
    const shown = drawn([...this.nodes.values()], this.closed);
    const { at, paths } = layout(shown.items, shown.edges, this.down);
    [this.of, this.at] = [shown.of, at];
    this.members = new Map(shown.items.map((each) => [each.id, each.members]));
    this.pathOf = new Map(shown.edges.map(({ from, to }, index) => [`${from}\n${to}`, edge(paths[index])]));
    const ordered = [...shown.items].sort((one, other) => this.before(at.get(one.id), at.get(other.id)));
    this.elements = new Map(ordered.map(({ id, members }) => [id, this.element(id, members)]));
    this.edges.replaceChildren(...this.pathOf.values());
    this.items.replaceChildren(...this.elements.values());
    this.callouts.replaceChildren();
  }

  // Reading order is that of the flow, so that the tab key goes along it.
  before(one, other) {
    return this.down ? one.y - other.y || one.x - other.x : one.x - other.x || one.y - other.y;
  }

  element(id, members) {
    const element = item(this.factsOf(members), this.at.get(id), this.href(members[0]));
    element.dataset.id = id;
    return element;
  }

  factsOf(members) {
    return facts(members.map((name) => this.nodes.get(name)), this.work);
  }

  // Something is otherwise with these nodes; drawn before the next picture.
  changed(names) {
    for (const name of names) this.dirty.add(this.of.get(name));
    this.asked ||= requestAnimationFrame(() => this.refresh());
  }

  refresh() {
    this.asked = 0;
    for (const id of this.dirty) if (this.elements.has(id)) update(this.elements.get(id), this.factsOf(this.members.get(id)));
    this.dirty.clear();
  }

  signal(from, to) {
    signal(this.pathOf.get(`${this.of.get(from)}\n${this.of.get(to)}`));
  }

  flash(name, words) {
    const id = this.of.get(name);
    if (!this.elements.has(id)) return;
    flash(this.elements.get(id), this.callouts, this.at.get(id), this.members.get(id).length > 1 ? `${name}: ${words}` : words, this.view);
  }

  // ---- groups
  open(element) {
    if (!element || this.view.dragged) return;
    const first = this.members.get(element.dataset.id)[0];
    this.closed = this.closed.filter((names) => groupId(names) !== element.dataset.id);
    this.redraw();
    this.elements.get(first)?.focus();
  }

  close(all) {
    this.closed = all ? this.groups : [];
    this.redraw();
  }

  redraw() {
    this.draw();
    this.fit();
    this.place.dispatchEvent(new CustomEvent("redrawn"));
  }

  // ---- what is seen
  box() {
    const [xs, ys] = [[...this.at.values()].map(({ x }) => x), [...this.at.values()].map(({ y }) => y)];
    if (!xs.length) return { x: 0, y: 0, width: 0, height: 0 };
    const [left, top] = [Math.min(...xs) - SIZE.width / 2, Math.min(...ys) - SIZE.height / 2];
    return { x: left, y: top, width: Math.max(...xs) + SIZE.width / 2 - left, height: Math.max(...ys) + SIZE.height / 2 - top };
  }

  fit() {
    this.view.fit(this.box());
  }

  resized() {
    this.view.resized();
    const turned = this.view.width < NARROW !== this.down;
    if (turned && this.nodes.size) this.draw();
    if (turned || !this.view.touched) this.fit();
  }

  seen() {
    for (const [id, element] of this.elements) {
      const near = !this.view.isFar && this.view.sees(this.at.get(id), SIZE.width);
      if (near && !isDressed(element)) dress(element, this.factsOf(this.members.get(id)));
      if (element.classList.contains("out") === near) element.classList.toggle("out", !near);
    }
  }

  showItem(element) {
    const { x, y } = this.at.get(element.dataset.id);
    this.view.show(x, y);
  }

  // Brings one node into sight, out of its group where it is in one.
  reveal(name) {
    const id = this.of.get(name);
    if (id !== name) {
      this.closed = this.closed.filter((names) => groupId(names) !== id);
      this.redraw();
    }
    this.showItem(this.elements.get(name));
    return this.elements.get(name);
  }

  // Nodes by name are marked; null: none is.
  mark(names) {
    const ids = names && new Set(names.map((name) => this.of.get(name)));
    this.svg.classList.toggle("searching", Boolean(ids));
    for (const [id, element] of this.elements) element.classList.toggle("hit", Boolean(ids?.has(id)));
  }
}
