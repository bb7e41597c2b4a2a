// A cheap layout for graphs that dagre takes too long for: by ranks, ordered by where the predecessors are, long ranks in
// several columns. Pure: items and edges in, the middle of each item out; the flow goes along `x`.
import { ranks } from "./groups.js";

const SWEEPS = 3;

// `longest`: how many stand in a column at most; `along` and `across` are from one middle to the next.
export function layers(items, edges, { along, across, longest }) {
  const nodes = before(items, edges);
  const rank = ranks(nodes);
  const rows = [];
  for (const each of items) (rows[rank.get(each.id) ?? 0] ??= []).push(each.id);
  order(rows, new Map(nodes.map((each) => [each.name, each.predecessors])), edges);
  return place(rows, longest, along, across);
}

// Items as nodes that know what is before them.
export function before(items, edges) {
  const found = new Map(items.map((each) => [each.id, { name: each.id, predecessors: [] }]));
  for (const { from, to } of edges) found.get(to).predecessors.push(from);
  return [...found.values()];
}

// Each rank by the mean place of its neighbours in the one before, then in the one after, and so on.
function order(rows, preceding, edges) {
  const after = new Map([...preceding.keys()].map((id) => [id, []]));
  for (const { from, to } of edges) after.get(from).push(to);
  const at = new Map();
  const remember = (row) => row.forEach((id, index) => at.set(id, (index + 0.5) / row.length));
  rows.forEach(remember);
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    const forward = sweep % 2 === 0;
    for (const row of forward ? rows : [...rows].reverse()) {
      const mean = new Map(row.map((id) => [id, middle((forward ? preceding : after).get(id), at) ?? at.get(id)]));
      row.sort((one, other) => mean.get(one) - mean.get(other));
      remember(row);
    }
  }
}

function middle(neighbours, at) {
  return neighbours.length ? neighbours.reduce((sum, id) => sum + at.get(id), 0) / neighbours.length : undefined;
}

function place(rows, longest, along, across) {
  const found = new Map();
  let x = 0;
  for (const row of rows) {
    const columns = Math.ceil(row.length / longest);
    const length = Math.ceil(row.length / columns);
    row.forEach((id, index) => {
      // Along the column first, so that neighbours in the order stay neighbours.
      const column = Math.floor(index / length);
      const inColumn = Math.min(length, row.length - column * length);
      found.set(id, { x: x + column * along * 0.86, y: ((index % length) - (inColumn - 1) / 2) * across });
    });
    x += (columns - 1) * along * 0.86 + along;
  }
  return found;
}
