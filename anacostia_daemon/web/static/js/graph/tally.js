// How many tasks each node executes, and how many wait for it, in the runs that are open. Pure.
const OVER = new Set(["succeeded", "failed", "error", "skipped", "cancelled"]);

// `nodes`: {name, predecessors}; `runs`: with their tasks. node -> {executing: [run ids], waiting: count}
export function tally(nodes, runs) {
  const before = new Map(nodes.map((each) => [each.name, each.predecessors]));
  const found = new Map();
  for (const run of runs) {
    if (run.state !== "running") continue;
    const state = new Map(run.tasks.map((each) => [each.node, each.state]));
    for (const { node, state: now } of run.tasks) {
      const due = now === "pending" && (before.get(node) ?? []).every((name) => !state.has(name) || OVER.has(state.get(name)));
      if (now !== "executing" && !due) continue;
      if (!found.has(node)) found.set(node, { executing: [], waiting: 0 });
      if (due) found.get(node).waiting += 1;
      else found.get(node).executing.push(run.id);
    }
  }
  return found;
}

// 'run 7', '3 executing, 12 waiting'
export function inWords({ executing, waiting }) {
  const words = [];
  if (executing.length === 1) words.push(`run ${executing[0]}`);
  else if (executing.length) words.push(`${executing.length} executing`);
  if (waiting) words.push(`${waiting} waiting`);
  return words.join(", ");
}
