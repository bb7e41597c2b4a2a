// The pipeline's page: brings the graph what is so, and what happens. All facts come from the page itself, the stream of
// events, and, after a gap in it, from the API.
import { Board } from "./board.js";
import { finder } from "./find.js";
import { keys } from "./keys.js";
import { tally } from "./tally.js";

const place = document.getElementById("graph");
const body = document.body;
const given = JSON.parse(place.dataset.graph);
const API = `/api/v1/pipelines/${encodeURIComponent(given.name)}`;
const RUNS = 20; // open ones that are counted; what the stream compares
const begun = performance.now();

const board = new Board(place, given.name);
const runs = new Map(); // open ones, by id
const [field, said, fold] = ["find", "found", "groups"].map((id) => document.getElementById(id));
const look = finder(board, field, said);
keys(board);
document.getElementById("in").addEventListener("click", () => board.view.zoom(1.3));
document.getElementById("out").addEventListener("click", () => board.view.zoom(1 / 1.3));
document.getElementById("fit").addEventListener("click", () => board.fit());
fold.addEventListener("click", () => board.close(!board.closed.length));
place.addEventListener("redrawn", folded);

show(given.nodes);
place.dataset.drawnIn = Math.round(performance.now() - begun);
count();

function show(nodes) {
  board.set(nodes);
  folded();
}

function folded() {
  fold.hidden = !board.groups.length || board.nodes.size < 12;
  fold.textContent = board.closed.length ? `Expand ${board.closed.length === 1 ? "the group" : `${board.closed.length} groups`}` : "Group what is alike";
  if (field.value) look();
}

async function fetched(path) {
  const answer = await fetch(path);
  return answer.ok ? answer.json() : null;
}

// ---- who executes what
async function count() {
  const page = await fetched(`${API}/runs?state=running&limit=${RUNS}`).catch(() => null);
  runs.clear();
  for (const run of page?.items ?? []) runs.set(run.id, run);
  counted();
}

function counted() {
  const before = board.work;
  board.work = tally([...board.nodes.values()], runs.values());
  board.changed(new Set([...before.keys(), ...board.work.keys()]));
}

let counting = 0;
body.addEventListener("live:run", ({ detail }) => {
  if (!detail) return;
  if (detail.run.state === "running") runs.set(detail.run.id, detail.run);
  else runs.delete(detail.run.id);
  counting ||= setTimeout(() => {
    counting = 0;
    counted();
  }, 50);
});
body.addEventListener("live:signal", ({ detail }) => detail && board.signal(detail.from, detail.to));

// ---- what becomes of nodes
const ENDED = new Set(["killing", "backoff", "failed"]);
body.addEventListener("live:phase", ({ detail }) => {
  const node = detail && board.nodes.get(detail.node);
  if (!node) return;
  Object.assign(node, { phase: detail.to, reason: detail.reason, incarnation: detail.incarnation });
  board.changed([node.name]);
  if (ENDED.has(detail.to) && detail.from !== "stopping") board.flash(node.name, detail.reason);
});
body.addEventListener("live:journal", ({ detail }) => {
  const node = detail && detail.line.event === "desired" && board.nodes.get(detail.line.node);
  if (!node) return;
  node.desired = detail.line.to;
  board.changed([node.name]);
});
body.addEventListener("live:pipelines", ({ detail }) => {
  const nodes = detail?.summary?.nodes;
  if (!nodes) return;
  if (Object.keys(nodes).length !== board.nodes.size || Object.keys(nodes).some((name) => !board.nodes.has(name))) again();
  else for (const [name, known] of Object.entries(nodes)) if (renewed(board.nodes.get(name), known)) board.changed([name]);
});
body.addEventListener("live:missed", again);

function renewed(node, known) {
  const differs = Object.keys(known).some((key) => node[key] !== known[key]);
  Object.assign(node, known);
  return differs;
}

async function again() {
  const known = await fetched(API).catch(() => null);
  if (!known?.nodes) return;
  const shape = (nodes) => nodes.map((each) => [each.name, ...each.predecessors].join()).sort().join("\n");
  if (shape(known.nodes) !== shape([...board.nodes.values()])) show(known.nodes);
  else for (const each of known.nodes) Object.assign(board.nodes.get(each.name), each);
  board.changed(board.nodes.keys());
  count();
}
