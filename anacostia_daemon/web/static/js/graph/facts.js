// What is said of an item on the graph: of one node, or of several that are drawn as one. Pure.
import { inWords } from "./tally.js";

const WORST = ["failed", "backoff", "killing", "stopping", "starting", "down", "ready"];
const IDLE = new Set(["", "idle", "watching"]);

export function facts(members, work) {
  return members.length === 1 ? ofOne(members[0], work.get(members[0].name)) : ofSeveral(members, work);
}

function ofOne(node, tasks) {
  const paused = node.desired === "paused";
  const words = paused && node.phase === "ready" ? "paused" : paused ? `${node.phase}, paused` : node.phase;
  const doing = tasks ? inWords(tasks) : IDLE.has(node.work) ? "" : node.work;
  const phase = paused && node.phase === "ready" ? "paused" : node.phase;
  const kind = node.kind.replace("_", " ");
  return {
    name: node.name,
    kind: node.kind,
    count: 1,
    phase,
    words,
    work: doing || node.type,
    busy: Boolean(tasks?.executing.length) || node.work.startsWith("executing "), // a node says so before its task does
    label: [node.name, kind, words, doing].filter(Boolean).join(", "),
    hint: [`${node.name} (${node.type})`, node.reason && `${words}: ${node.reason}`, doing].filter(Boolean).join("\n"),
  };
}

function ofSeveral(members, work) {
  const counts = new Map();
  for (const { phase } of members) counts.set(phase, (counts.get(phase) ?? 0) + 1);
  const present = WORST.filter((phase) => counts.has(phase));
  const words = present.map((phase) => `${counts.get(phase)} ${phase}`).join(", ");
  const sum = { executing: [], waiting: 0 };
  for (const { name } of members) {
    sum.executing.push(...(work.get(name)?.executing ?? []));
    sum.waiting += work.get(name)?.waiting ?? 0;
  }
  const doing = sum.executing.length ? `${sum.executing.length} executing${sum.waiting ? `, ${sum.waiting} waiting` : ""}` : inWords(sum);
  const name = `${members[0].name} …`;
  return {
    name,
    kind: members[0].kind,
    count: members.length,
    phase: present[0] ?? "down",
    words,
    work: doing || `${members.length} × ${members[0].type}`,
    busy: sum.executing.length > 0,
    label: [`${members.length} nodes like ${members[0].name}: show them`, words, doing].filter(Boolean).join(", "),
    hint: `${members.length} nodes, ${members[0].name} to ${members.at(-1).name}: click to show them`,
  };
}
