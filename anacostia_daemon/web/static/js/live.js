// Live changes: one stream for the page. Each event becomes a DOM event `live:NAME` on <body> (detail: its facts, or null where events may have been missed), for
// scripts that draw. Parts of pages are fetched again by hx-trigger="fresh:NAME from:body", or "fresh" for any of them:
// at once, then every PACE milliseconds at most, and never without the last word.
// A hidden page lets go of its stream: a browser has six connections for one server, and people keep many tabs.
const body = document.body;
const shown = document.getElementById("connection");
const NAMES = ["journal", "phase", "run", "task", "signal", "artifacts", "pipelines"];
const GONE_AFTER = 6000; // milliseconds without the daemon until we say so
const LONGEST_WAIT = 10000;
const PACE = 200;

let source = null;
let lostAt = 0;
let wait = 500;
let timer = 0;

function tell(state, words) {
  if (shown.dataset.state !== state) {
    shown.dataset.state = state;
    shown.textContent = words;
  }
}

export function emit(name, facts) {
  body.dispatchEvent(new CustomEvent(`live:${name}`, { detail: facts }));
  freshen(`fresh:${name}`);
  freshen("fresh");
}

const pending = new Map(); // event -> whether it is to be said once more when its pause is over
function freshen(event) {
  if (pending.has(event)) {
    pending.set(event, true);
    return;
  }
  body.dispatchEvent(new CustomEvent(event));
  pending.set(event, false);
  setTimeout(() => {
    const again = pending.get(event);
    pending.delete(event);
    if (again) freshen(event);
  }, PACE);
}

function connect() {
  clearTimeout(timer);
  if (source || document.hidden || !body.dataset.live) return;
  source = new EventSource(body.dataset.live);
  source.addEventListener("hello", () => {
    wait = 500;
    lostAt = 0;
    tell("live", "live");
    for (const name of [...NAMES, "missed"]) emit(name, null); // what was before is not told: parts fetch what is so now
  });
  for (const name of NAMES) {
    source.addEventListener(name, (event) => emit(name, JSON.parse(event.data)));
  }
  source.addEventListener("error", lost);
}

function lost() {
  disconnect();
  lostAt = lostAt || Date.now();
  const gone = Date.now() - lostAt > GONE_AFTER;
  tell(gone ? "gone" : "reconnecting", gone ? "daemon gone" : "reconnecting");
  if (gone) askWhy();
  timer = setTimeout(connect, wait);
  wait = Math.min(LONGEST_WAIT, wait * 1.6);
}

// A stream does not say why it failed. Where the login is over, the page leads there by itself.
async function askWhy() {
  const answer = await fetch("/api/v1/openapi.json", { method: "HEAD" }).catch(() => null);
  if (answer?.status === 401) location.reload();
}

function disconnect() {
  if (source) source.close();
  source = null;
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) {
    clearTimeout(timer);
    disconnect();
  } else {
    connect();
  }
});
addEventListener("pagehide", disconnect);
addEventListener("pageshow", connect);
connect();
