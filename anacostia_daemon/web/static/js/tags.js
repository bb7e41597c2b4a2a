// Tags by hand, of runs and of artifacts: <form data-tags="/api/v1/…/tags">, <button data-untag="key" data-at="…">.
import { post, toast } from "./shell.js";

async function say(path, content, words) {
  try {
    const said = await post(path, content);
    toast(words);
    document.body.dispatchEvent(new CustomEvent("acted", { detail: said }));
    return true;
  } catch (error) {
    toast(error.message, error.hint, "bad");
    return false;
  }
}

// Numbers and truth are kept as such, so that filters and comparisons know them.
function meant(text) {
  if (/^(true|false|-?(0|[1-9]\d{0,14})(\.\d{1,15})?)$/.test(text)) return JSON.parse(text);
  return text;
}

document.addEventListener("submit", async (event) => {
  const form = event.target.closest("form[data-tags]");
  if (!form) return;
  event.preventDefault();
  const key = form.elements.key.value.trim();
  if (key && (await say(form.dataset.tags, { set: { [key]: meant(form.elements.value.value.trim()) } }, `Tagged: ${key}`))) form.reset();
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-untag]");
  if (button) say(button.dataset.at, { remove: [button.dataset.untag] }, `No longer tagged: ${button.dataset.untag}`);
});
