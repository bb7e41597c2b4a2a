// The lineage of an artifact as a graph from left to right; each of its nodes leads on.
import { fetched } from "./fetched.js";
import { paced } from "./pace.js";
import { svg } from "./svg.js";

const SHEET = { width: 150, height: 50 };
const PILL = { width: 116, height: 44 };
const LETTERS = 20; // of a name

const room = document.getElementById("lineage");
const at = room.dataset.at;
const short = (text) => (text.length > LETTERS ? `${text.slice(0, 9)}…${text.slice(-LETTERS + 10)}` : text);

function laidOut({ artifacts, tasks, edges }) {
  const graph = new dagre.graphlib.Graph().setGraph({ rankdir: "LR", nodesep: 14, ranksep: 36, marginx: 8, marginy: 8 }).setDefaultEdgeLabel(() => ({}));
  for (const each of artifacts) graph.setNode(`artifact:${each.id}`, { ...SHEET, artifact: each });
  for (const each of tasks) graph.setNode(each.id, { ...PILL, task: each });
  for (const each of edges) graph.setEdge(each.from, each.to);
  dagre.layout(graph);
  return graph;
}

function line(points) {
  const [first, ...rest] = points;
  let path = `M${first.x} ${first.y}`;
  rest.forEach((point, index) => {
    const before = points[index];
    const middle = (before.x + point.x) / 2;
    path += ` C${middle} ${before.y} ${middle} ${point.y} ${point.x} ${point.y}`;
  });
  return svg("path", { class: "edge", d: path, "marker-end": "url(#arrow)" });
}

function box({ x, y, width, height, artifact, task }, of) {
  const name = artifact ? artifact.location.split("/").at(-1) || artifact.location : (task.node ?? `run ${task.run_id}`);
  const sub = artifact ? `${artifact.resource} · ${artifact.state}` : task.node ? `run ${task.run_id}` : "made nothing";
  const link = svg("a", { href: artifact ? `${at}/artifacts/${artifact.id}` : `${at}/runs/${task.run_id}`, class: artifact ? "sheet" : "task", "data-phase": artifact?.state });
  if (artifact?.id === of) link.setAttribute("aria-current", "true");
  link.append(svg("title", {}, `${artifact ? artifact.location : name}\n${sub}`));
  link.append(svg("rect", { class: "box", x: x - width / 2, y: y - height / 2, width, height, rx: artifact ? 5 : height / 2 }));
  link.append(svg("text", { x, y: y - 3, "text-anchor": "middle" }, short(name)), svg("text", { x, y: y + 14, "text-anchor": "middle", class: "sub" }, sub));
  return link;
}

function draw(lineage) {
  const graph = laidOut(lineage);
  const { width, height } = graph.graph();
  const picture = svg("svg", { width, height, class: "lineage", role: "group", "aria-label": `${lineage.artifacts.length} artifacts and ${lineage.tasks.length} tasks` });
  picture.append(svg("defs", {}, svg("marker", { id: "arrow", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto" }, svg("path", { d: "M0 0L8 4L0 8z" }))));
  for (const each of graph.edges()) picture.append(line(graph.edge(each).points));
  for (const each of graph.nodes()) picture.append(box(graph.node(each), lineage.of));
  const words = lineage.complete ? [] : [Object.assign(document.createElement("p"), { className: "muted", textContent: "There is more; this is what is nearest." })];
  const kept = room.scrollLeft;
  room.replaceChildren(picture, ...words);
  if (drawn) room.scrollLeft = kept;
  else picture.querySelector("[aria-current]")?.scrollIntoView({ inline: "center", block: "nearest" });
  drawn = true;
}

let drawn = false;
let known = "";
async function again() {
  try {
    const lineage = await fetched(room.dataset.from);
    if (known === (known = JSON.stringify(lineage))) return;
    draw(lineage);
  } catch (error) {
    room.textContent = error.message;
  }
}

document.body.addEventListener("fresh:run", paced(again, 2000));
addEventListener("load", again);
