// A plot in a <figure>: series of {label, points: [{x, value}]} on one x axis, drawn by uPlot. Knows nothing of the page.
import { colours, style } from "./colours.js";
import { csv, kept } from "./keeping.js";
import { smoothed } from "./smoothing.js";

const RAW = 0.3; // how much of the unsmoothed line is seen behind the smoothed one
const MANY = 30; // points: from there on, lines without dots

// One column of x for all series, null where a series has no value there; what no scale can show is no value.
export function aligned(series, log) {
  const xs = [...new Set(series.flatMap((each) => each.points.map((point) => point.x)))].sort((one, other) => one - other);
  const place = new Map(xs.map((x, index) => [x, index]));
  const columns = series.map((each) => {
    const column = new Array(xs.length).fill(null);
    for (const { x, value } of each.points) if (Number.isFinite(value) && (!log || value > 0)) column[place.get(x)] = value;
    return column;
  });
  return [xs, columns];
}

const readable = (value) => (value == null ? "–" : Math.abs(value) >= 1e6 || (value && Math.abs(value) < 1e-3) ? value.toExponential(3) : +value.toPrecision(5) + "");

export class Plot {
  constructor(figure, { title, x, height = 260, sync = null, pick = null }) {
    Object.assign(this, { figure, title, x, height, sync, pick, series: [], options: {} });
    this.caption = document.createElement("figcaption");
    this.caption.append(Object.assign(document.createElement("span"), { textContent: title }));
    const row = Object.assign(document.createElement("span"), { className: "row" });
    row.append(this.#button("CSV", () => this.#csv()), this.#button("PNG", () => this.#png()));
    this.caption.append(row);
    this.room = document.createElement("div");
    figure.replaceChildren(this.caption, this.room);
    this.again = () => this.#draw();
    document.body.addEventListener("theme", this.again);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", this.again);
    this.watch = new ResizeObserver(() => this.plot?.setSize(this.#size()));
    this.watch.observe(this.room);
  }

  show(series, options = {}) {
    this.series = series;
    this.options = options;
    this.#draw();
  }

  close() {
    this.watch.disconnect();
    document.body.removeEventListener("theme", this.again);
    this.plot?.destroy();
  }

  #draw() {
    const { log = false, smooth = 0 } = this.options;
    const [xs, columns] = aligned(this.series, log);
    const data = [xs, ...columns.map((each) => smoothed(each, smooth)), ...(smooth ? columns : [])];
    const same = JSON.stringify([this.series.map((each) => each.label), log, smooth > 0, style("--text")]);
    if (this.plot && same === this.drawn) {
      this.plot.setData(data);
    } else {
      this.plot?.destroy();
      this.room.replaceChildren();
      this.plot = new uPlot(this.#uplot(log, smooth, xs.length), data, this.room);
      this.plot.over.addEventListener("click", () => this.pick && this.plot.select.width < 2 && this.plot.cursor.idx != null && this.pick(this.plot.data[0][this.plot.cursor.idx]));
    }
    this.drawn = same;
    this.figure.dataset.points = String(xs.length);
  }

  #uplot(log, smooth, count) {
    const found = colours();
    const line = (each, index, raw) => ({
      label: raw ? `${each.label} (raw)` : each.label,
      ...(raw ? { class: "raw" } : {}),
      stroke: found[index % found.length],
      dash: index >= found.length ? [6, 4] : undefined,
      width: raw ? 1 : 1.75,
      alpha: raw ? RAW : 1,
      spanGaps: true,
      points: { show: !raw && count <= MANY, size: 5 },
      value: (_, value) => readable(value),
    });
    const axis = { stroke: style("--muted"), grid: { stroke: style("--line"), width: 1 }, ticks: { stroke: style("--line"), width: 1 }, font: `11px ${style("--font")}` };
    return {
      ...this.#size(),
      legend: { live: true },
      // Where nobody points at anything, the values are those of the end.
      hooks: { setLegend: [(plot) => plot.legend.idx == null && plot.data[0].length && plot.setLegend({ idx: plot.data[0].length - 1 }, false)] },
      cursor: { sync: this.sync ? { key: this.sync, setSeries: false } : undefined, dataIdx: nearest, points: { size: 7 } },
      scales: { x: { time: false, range: (_, low, high) => (low === high ? [low - 1, high + 1] : [low, high]) }, y: { distr: log ? 3 : 1 } },
      axes: [
        { ...axis, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 2e5, 5e5, 1e6], size: 34, label: this.x, labelSize: 16, labelFont: `11px ${style("--font")}` },
        { ...axis, size: 56, values: (_, ticks) => ticks.map((each) => (each == null ? "" : readable(each))) },
      ],
      series: [{ label: this.x }, ...this.series.map((each, index) => line(each, index, false)), ...(smooth ? this.series.map((each, index) => line(each, index, true)) : [])],
    };
  }

  #size() {
    return { width: Math.max(200, this.room.clientWidth || 300), height: this.height };
  }

  #button(text, act) {
    const made = Object.assign(document.createElement("button"), { type: "button", className: "quiet", textContent: text, title: `Download as ${text}` });
    made.setAttribute("aria-label", `Download ${this.title} as ${text}`);
    made.addEventListener("click", act);
    return made;
  }

  #csv() {
    const [xs, columns] = aligned(this.series, false);
    const head = [this.x, ...this.series.map((each) => each.label)];
    kept(`${this.title}.csv`, new Blob([csv([head, ...xs.map((x, row) => [x, ...columns.map((each) => each[row])])])], { type: "text/csv" }));
  }

  #png() {
    const drawn = this.plot.ctx.canvas;
    const ratio = devicePixelRatio;
    const line = 18 * ratio;
    const canvas = Object.assign(document.createElement("canvas"), { width: drawn.width, height: drawn.height + line * (2 + this.series.length) });
    const context = canvas.getContext("2d");
    context.fillStyle = style("--surface");
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.font = `600 ${13 * ratio}px ${style("--font")}`;
    context.fillStyle = style("--text");
    context.fillText(this.title, 8 * ratio, line);
    context.drawImage(drawn, 0, line * 1.5);
    const found = colours();
    context.font = `${12 * ratio}px ${style("--font")}`;
    this.series.forEach((each, index) => {
      context.fillStyle = found[index % found.length];
      context.fillText(`— ${each.label}`, 8 * ratio, drawn.height + line * (2.2 + index));
    });
    canvas.toBlob((blob) => kept(`${this.title}.png`, blob));
  }
}

// The value of a series that is nearest to the cursor: runs do not all log at the same steps.
function nearest(plot, series, index) {
  const column = plot.data[series];
  if (series === 0 || column[index] != null) return index;
  for (let away = 1; away < column.length; away++) {
    if (column[index - away] != null) return index - away;
    if (column[index + away] != null) return index + away;
  }
  return index;
}
