// A cheap layout for graphs that dagre takes too long for: by ranks, ordered by where the predecessors are, long ranks in
// several columns. Pure: items and edges in, the middle of each item out; the flow goes along `x`.
import { ranks } from "./groups.js";

const SWEEPS = 3;

export function layers(items, edges, { along, across }) {
  const before = new Map(items.map((each) => [each.id, []]));
  for (const { from, to } of edges) before.get(to).push(from);
  const rank = ranks(items.map((each) => ({ name: each.id, predecessors: before.get(each.id) })));
  const rows = [];
  for (const each of items) (rows[rank.get(each.id) ?? 0] ??= []).push(each.id);
  order(rows, before, edges);
  return place(rows, Math.max(8, Math.ceil(Math.sqrt(items.length) * 1.3)), along, across);
}

// Each rank by the mean place of its neighbours in the one before, then in the one after, and so on.
function order(rows, before, edges) {
  const after = new Map([...before.keys()].map((id) => [id, []]));
  for (const { from, to } of edges) after.get(from).push(to);
  const at = new Map();
  const remember = (row) => row.forEach((id, index) => at.set(id, (index + 0.5) / row.length));
  rows.forEach(remember);
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    const forward = sweep % 2 === 0;
    for (const row of forward ? rows : [...rows].reverse()) {
      const mean = new Map(row.map((id) => [id, middle((forward ? before : after).get(id), at) ?? at.get(id)]));
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
