// What every page does: theme, shortcuts, buttons that ask the API, parts that are brought up to date in place.
import { keep } from "./keep.js";

const root = document.documentElement;
const THEMES = ["auto", "light", "dark"];

// ---- theme
const themeButton = document.getElementById("theme");
function nextTheme() {
  const theme = THEMES[(THEMES.indexOf(root.dataset.theme) + 1) % THEMES.length];
  root.dataset.theme = theme;
  document.cookie = `theme=${theme}; path=/; max-age=31536000; samesite=strict`;
  themeButton.textContent = theme;
  themeButton.setAttribute("aria-label", `Theme: ${theme}. Change it (t)`);
  document.body.dispatchEvent(new CustomEvent("theme", { detail: theme }));
}
themeButton.addEventListener("click", nextTheme);

// ---- shortcuts
const shortcuts = document.getElementById("shortcuts");
document.getElementById("help").addEventListener("click", () => shortcuts.showModal());
let before = "";
addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, textarea, select, dialog, [contenteditable]")) return;
  const sequence = before + event.key;
  before = event.key === "g" ? "g" : "";
  if (event.key === "?") shortcuts.showModal();
  else if (event.key === "t") nextTheme();
  else if (event.key === "/") {
    const search = document.querySelector("[data-search]");
    if (!search) return;
    search.focus();
  } else if (sequence === "gp") location.assign("/");
  else return;
  event.preventDefault();
});

// ---- what came of it
export function toast(text, hint = "", kind = "good") {
  const made = document.createElement("div");
  made.className = "toast";
  made.dataset.kind = kind;
  for (const each of [text, hint].filter(Boolean)) {
    const line = document.createElement("p");
    line.textContent = each;
    made.append(line);
  }
  document.getElementById("toasts").append(made);
  setTimeout(() => made.remove(), kind === "bad" ? 12000 : 5000);
}

function confirmed(text, verb) {
  const dialog = document.getElementById("confirm");
  document.getElementById("confirm-text").textContent = text;
  document.getElementById("confirm-yes").textContent = verb;
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true }));
}

export async function post(path, content = {}) {
  const answer = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(content),
  });
  const said = await answer.json().catch(() => ({}));
  if (!answer.ok) throw Object.assign(new Error(said.error?.message ?? `the answer was ${answer.status}`), { hint: said.error?.hint });
  return said;
}

// <button data-post="/api/v1/…" data-confirm="Stop it?" data-body='{"from_node": "train"}'>
document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-post]");
  if (!button) return;
  const verb = button.textContent.trim();
  if (button.dataset.confirm && !(await confirmed(button.dataset.confirm, verb))) return;
  button.disabled = true;
  button.setAttribute("aria-busy", "true");
  try {
    const said = await post(button.dataset.post, JSON.parse(button.dataset.body ?? "{}"));
    toast(said.run_id ? `${verb}: run ${said.run_id}` : `${verb}: asked for`);
    document.body.dispatchEvent(new CustomEvent("acted", { detail: said }));
  } catch (error) {
    toast(error.message, error.hint, "bad");
  } finally {
    button.disabled = false;
    button.removeAttribute("aria-busy");
  }
});

// ---- times that stay true
function ago(seconds) {
  if (seconds < 10) return `${Math.max(0, Math.floor(seconds))} s ago`;
  if (seconds < 60) return `${Math.round(seconds)} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min ago`;
  return `${Math.floor(seconds / 86400)} d ago`;
}
setInterval(() => {
  if (document.hidden) return;
  for (const each of document.querySelectorAll("time[data-ago]")) {
    const text = ago((Date.now() - Date.parse(each.dateTime)) / 1000);
    if (each.textContent !== text) each.textContent = text;
  }
}, 1000);

// ---- parts that are fetched again: hx-swap="morph-by-key" keeps what has not changed, focus and selection with it
htmx.defineExtension("keep", {
  isInlineSwap: (style) => style === "morph-by-key",
  handleSwap: (style, target, fragment) => {
    if (style !== "morph-by-key") return false;
    keep(target, fragment);
    return [target];
  },
});
