// Which nodes are alike enough to be drawn as one. Pure: nodes ({name, kind, type, predecessors}) in, groups out.
// Alike are nodes of the same rank, kind and type whose neighbours are alike. Every edge leads to a higher rank, so that
// whatever is put together, no cycle comes of it.

// How many steps each node is from where nothing is before it, at most.
export function ranks(nodes) {
  const waiting = new Map(nodes.map((each) => [each.name, 0]));
  for (const each of nodes) waiting.set(each.name, each.predecessors.filter((name) => waiting.has(name)).length);
  const after = successors(nodes);
  const found = new Map();
  let ready = nodes.filter((each) => waiting.get(each.name) === 0).map((each) => each.name);
  for (let rank = 0; ready.length; rank++) {
    const next = [];
    for (const name of ready) found.set(name, rank);
    for (const name of ready) {
      for (const other of after.get(name)) {
        waiting.set(other, waiting.get(other) - 1);
        if (waiting.get(other) === 0) next.push(other);
      }
    }
    ready = next;
  }
  return found;
}

export function successors(nodes) {
  const found = new Map(nodes.map((each) => [each.name, []]));
  for (const each of nodes) for (const name of each.predecessors) found.get(name)?.push(each.name);
  return found;
}

// Lists of `least` names or more that are alike.
export function groups(nodes, least = 5) {
  const rank = ranks(nodes);
  const after = successors(nodes);
  let kinds = numbered(nodes, (each) => `${rank.get(each.name)} ${each.kind} ${each.type}`);
  for (let count = 0; count !== kinds.count; ) {
    count = kinds.count;
    const known = kinds.of;
    const around = (names) => [...new Set(names.map((name) => known.get(name)))].sort().join();
    kinds = numbered(nodes, (each) => `${known.get(each.name)} < ${around(each.predecessors)} > ${around(after.get(each.name))}`);
  }
  const lists = new Map();
  for (const each of nodes) {
    const kind = kinds.of.get(each.name);
    if (!lists.has(kind)) lists.set(kind, []);
    lists.get(kind).push(each.name);
  }
  return [...lists.values()].filter((names) => names.length >= least);
}

function numbered(nodes, describe) {
  const numbers = new Map();
  const of = new Map();
  for (const each of nodes) {
    const words = describe(each);
    if (!numbers.has(words)) numbers.set(words, numbers.size);
    of.set(each.name, numbers.get(words));
  }
  return { of, count: numbers.size };
}

// What is drawn: items ({id, members}) and edges between them ({from, to}), where `closed` are the groups drawn as one.
export function drawn(nodes, closed) {
  const item = new Map(nodes.map((each) => [each.name, each.name]));
  for (const names of closed) for (const name of names) item.set(name, groupId(names));
  const items = new Map();
  const edges = new Map();
  for (const each of nodes) {
    const id = item.get(each.name);
    if (!items.has(id)) items.set(id, { id, members: [] });
    items.get(id).members.push(each.name);
    for (const name of each.predecessors) {
      const from = item.get(name);
      if (from !== undefined && from !== id) edges.set(`${from}\n${id}`, { from, to: id });
    }
  }
  return { items: [...items.values()], edges: [...edges.values()], of: item };
}

export const groupId = (names) => `group of ${names.length}: ${names[0]}`;
