// Where items stand and how edges run between them. By dagre where the graph is small, else by layers.js: dagre takes
// seconds for a thousand nodes, and puts forty that follow one into a column that nobody can read. It is `dagre` here.
import { ranks } from "./groups.js";
import { before, layers } from "./layers.js";

export const SIZE = { width: 190, height: 68 };
const MOST_FOR_DAGRE = 120;
const MOST_OF_A_RANK = 12;

// {at: id -> {x, y} of its middle, paths: edge -> points, width, height}; the flow goes to the right, or down.
export function layout(items, edges, down) {
  const small = items.length <= MOST_FOR_DAGRE && broadest(items, edges) <= (down ? MOST_OF_A_RANK / 3 : MOST_OF_A_RANK);
  return small ? byDagre(items, edges, down) : byLayers(items, edges, down);
}

function broadest(items, edges) {
  const counts = new Map();
  for (const rank of ranks(before(items, edges)).values()) counts.set(rank, (counts.get(rank) ?? 0) + 1);
  return Math.max(0, ...counts.values());
}

function byDagre(items, edges, down) {
  const graph = new dagre.graphlib.Graph();
  graph.setGraph({ rankdir: down ? "TB" : "LR", nodesep: down ? 24 : 22, ranksep: down ? 46 : 64, marginx: 12, marginy: 12 });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const each of items) graph.setNode(each.id, { ...SIZE });
  for (const { from, to } of edges) graph.setEdge(from, to);
  dagre.layout(graph);
  const at = new Map(items.map((each) => [each.id, graph.node(each.id)]));
  const paths = edges.map(({ from, to }) => {
    const bends = graph.edge(from, to).points.slice(1, -1);
    const ends = sides(at.get(from), at.get(to), down);
    return bends.length < 2 ? bow(...ends, down) : curve([ends[0], ...bends, ends[1]]);
  });
  return { at, paths };
}

function byLayers(items, edges, down) {
  const room = down ? { along: SIZE.height + 60, across: SIZE.width + 20 } : { along: SIZE.width + 70, across: SIZE.height + 18 };
  const found = layers(items, edges, { ...room, longest: Math.max(down ? 3 : 8, Math.ceil(Math.sqrt(items.length) * (down ? 0.7 : 1.3))) });
  const at = new Map([...found].map(([id, { x, y }]) => [id, down ? { x: y, y: x } : { x, y }]));
  const paths = edges.map(({ from, to }) => bow(...sides(at.get(from), at.get(to), down), down));
  return { at, paths };
}

// Where an edge leaves and where it arrives: the middle of a side.
function sides(from, to, down) {
  const [dx, dy] = down ? [0, SIZE.height / 2] : [SIZE.width / 2, 0];
  return [{ x: from.x + dx, y: from.y + dy }, { x: to.x - dx, y: to.y - dy }];
}

function bow(from, to, down) {
  const bend = Math.max(30, (down ? to.y - from.y : to.x - from.x) / 2);
  const [dx, dy] = down ? [0, bend] : [bend, 0];
  return `M${from.x} ${from.y}C${from.x + dx} ${from.y + dy} ${to.x - dx} ${to.y - dy} ${to.x} ${to.y}`;
}

// Through the middles of the way, so that no corner is left.
function curve(points) {
  const round = (value) => Math.round(value * 10) / 10;
  let path = `M${round(points[0].x)} ${round(points[0].y)}`;
  for (let index = 1; index < points.length - 1; index++) {
    const [here, next] = [points[index], points[index + 1]];
    path += `Q${round(here.x)} ${round(here.y)} ${round((here.x + next.x) / 2)} ${round((here.y + next.y) / 2)}`;
  }
  const last = points.at(-1);
  return `${path}L${round(last.x)} ${round(last.y)}`;
}
