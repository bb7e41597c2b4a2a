// The node's page: starts its parts, counts down to the next start, and stops them all when the node is no more.
import { Log } from "./log.js";
import { usage } from "./usage.js";

const parts = document.getElementById("parts");
const head = document.getElementById("head");
const log = new Log(`${parts.dataset.at}/logs`);
const use = usage(`${parts.dataset.at}/usage`);

document.body.addEventListener("live:task", ({ detail }) => detail?.task.node === parts.dataset.node && log.soon());
document.body.addEventListener("live:phase", ({ detail }) => detail?.node === parts.dataset.node && log.soon());

new MutationObserver(() => {
  const gone = Boolean(head.querySelector("[data-gone]"));
  if (gone === log.stopped) return;
  log.stop(gone);
  use.stop(gone);
  parts.classList.toggle("past", gone);
}).observe(head, { childList: true, subtree: true });

function countDown() {
  for (const each of head.querySelectorAll("time[data-until]")) {
    const left = (Date.parse(each.dateTime) - Date.now()) / 1000;
    each.textContent = left > 0.05 ? `${left < 10 ? left.toFixed(1) : Math.round(left)} s` : "a moment";
  }
}
setInterval(() => document.hidden || countDown(), 100);
countDown();
