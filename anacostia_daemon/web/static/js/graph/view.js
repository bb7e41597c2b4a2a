// What part of the drawing is seen: moved and scaled by wheel, drag, pinch and keys. Knows nothing of what is drawn.
const [LEAST, MOST] = [0.02, 2.5];
const FAR = 0.42; // below this scale, text cannot be read and is not drawn

export class View {
  // `seen` is called before the next picture when another part is.
  constructor(svg, world, seen) {
    [this.svg, this.world, this.seen] = [svg, world, seen];
    this.resized();
    [this.x, this.y, this.scale] = [0, 0, 1];
    this.touched = false; // by a person: then it is not fitted again by itself
    this.fingers = new Map();
    svg.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    for (const name of ["pointerdown", "pointermove", "pointerup", "pointercancel"]) svg.addEventListener(name, (event) => this[name](event));
    svg.addEventListener("click", (event) => this.dragged && event.preventDefault(), true);
    svg.addEventListener("dragstart", (event) => event.preventDefault());
  }

  // How large it is on the screen: asked for only here, since asking has the browser lay out all that is drawn.
  resized() {
    [this.width, this.height] = [this.svg.clientWidth, this.svg.clientHeight];
  }

  apply() {
    this.asked ||= requestAnimationFrame(() => this.now());
  }

  now() {
    cancelAnimationFrame(this.asked);
    this.asked = 0;
    this.world.setAttribute("transform", `translate(${this.x} ${this.y}) scale(${this.scale})`);
    this.svg.classList.toggle("far", this.isFar);
    this.seen();
  }

  // Where in the world sight ends.
  get right() {
    return (this.width - this.x) / this.scale;
  }

  get isFar() {
    return this.scale < FAR;
  }

  // Whether what is at (x, y) of the world, and reaches `reach` to each side, is in sight.
  sees({ x, y }, reach) {
    const [left, top] = [x * this.scale + this.x, y * this.scale + this.y];
    const more = reach * this.scale;
    return left > -more && left < this.width + more && top > -more && top < this.height + more;
  }

  // All of `box` ({x, y, width, height}), not larger than it is.
  fit(box) {
    const { width, height } = this;
    if (!width || !box.width) return;
    this.scale = Math.max(LEAST, Math.min(1.3, width / (box.width + 32), height / (box.height + 32)));
    this.x = (width - box.width * this.scale) / 2 - box.x * this.scale;
    this.y = (height - box.height * this.scale) / 2 - box.y * this.scale;
    this.touched = false;
    this.now();
  }

  move(dx, dy) {
    this.x += dx;
    this.y += dy;
    this.touched = true;
    this.apply();
  }

  // By `factor`; what is at (x, y) of the drawing's place stays there.
  zoom(factor, x = this.width / 2, y = this.height / 2) {
    const scale = Math.max(LEAST, Math.min(MOST, this.scale * factor));
    this.x = x - ((x - this.x) * scale) / this.scale;
    this.y = y - ((y - this.y) * scale) / this.scale;
    this.scale = scale;
    this.touched = true;
    this.apply();
  }

  // Moves what is at (x, y) of the world into sight, large enough to be read.
  show(x, y, readable = true) {
    if (readable && this.scale < 0.6) this.scale = 0.8;
    const [left, top] = [x * this.scale + this.x, y * this.scale + this.y];
    const { width, height } = this;
    if (left < 110 || left > width - 110) this.x += width / 2 - left;
    if (top < 50 || top > height - 50) this.y += height / 2 - top;
    this.touched = true;
    this.apply();
  }

  wheel(event) {
    event.preventDefault();
    const { left, top } = this.svg.getBoundingClientRect();
    const lines = event.deltaMode === 1 ? 24 : 1;
    this.zoom(Math.exp(-event.deltaY * lines * (event.ctrlKey ? 0.01 : 0.0018)), event.clientX - left, event.clientY - top);
  }

  pointerdown(event) {
    if (event.button) return;
    this.fingers.set(event.pointerId, [event.clientX, event.clientY]);
    if (this.fingers.size === 1) [this.dragged, this.way] = [false, 0];
  }

  pointermove(event) {
    const before = this.fingers.get(event.pointerId);
    if (!before) return;
    const [dx, dy] = [event.clientX - before[0], event.clientY - before[1]];
    this.way += Math.hypot(dx, dy);
    if (!this.dragged && this.way < 5) return; // the hand trembles: a click yet
    if (!this.dragged) this.svg.setPointerCapture(event.pointerId);
    this.dragged = true;
    const apart = this.fingers.size === 2 && distance(this.fingers);
    this.fingers.set(event.pointerId, [event.clientX, event.clientY]);
    if (apart) this.pinch(apart, dx, dy);
    else this.move(dx, dy);
  }

  pinch(apart, dx, dy) {
    const { left, top } = this.svg.getBoundingClientRect();
    const [one, other] = [...this.fingers.values()];
    this.move(dx / 2, dy / 2);
    this.zoom(distance(this.fingers) / apart, (one[0] + other[0]) / 2 - left, (one[1] + other[1]) / 2 - top);
  }

  pointerup(event) {
    this.fingers.delete(event.pointerId);
    if (!this.fingers.size) setTimeout(() => (this.dragged = false)); // after the click that follows
  }

  pointercancel(event) {
    this.pointerup(event);
  }
}

function distance(fingers) {
  const [one, other] = [...fingers.values()];
  return Math.max(1, Math.hypot(one[0] - other[0], one[1] - other[1]));
}
