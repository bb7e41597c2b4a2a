// One line of a log as an element. Text is only ever text; a long one is folded.
const FOLDED = 400; // characters that are shown of a long line

export function line(facts, { run, search }) {
  const element = document.createElement("div");
  element.className = "line";
  if (facts.level) element.dataset.level = facts.level;
  element.append(part("time", facts.at ? facts.at.slice(11, 23) : "", facts.at), part("span", facts.level ?? "", "", "level"));
  element.append(facts.run_id ? runLink(run, facts.run_id) : part("span", ""), text(facts, search));
  return element;
}

function part(tag, content, title = "", name = "") {
  const made = document.createElement(tag);
  made.textContent = content;
  if (title) made.title = title;
  if (name) made.className = name;
  return made;
}

function runLink(run, id) {
  const made = part("a", `run ${id}`);
  made.href = run(id);
  return made;
}

function text(facts, search) {
  const made = part("span", "", "", "text");
  const shown = facts.text.slice(0, FOLDED);
  made.append(...marked(shown, search));
  if (facts.text.length > FOLDED) made.append(" ", unfold(made, facts));
  else if (facts.cut) made.append(" ", cut(facts));
  return made;
}

function unfold(place, facts) {
  const button = part("button", `${(facts.text.length - FOLDED).toLocaleString("en")} characters more`);
  button.type = "button";
  button.addEventListener("click", () => place.replaceChildren(facts.text, ...(facts.cut ? [" ", cut(facts)] : [])));
  return button;
}

const cut = (facts) => part("em", `(${facts.cut.toLocaleString("en")} bytes more are in the file)`);

function marked(content, search) {
  if (!search) return [content];
  const [found, low, wanted] = [[], content.toLowerCase(), search.toLowerCase()];
  let from = 0;
  for (let at = low.indexOf(wanted); at >= 0; at = low.indexOf(wanted, from)) {
    found.push(content.slice(from, at), part("mark", content.slice(at, at + wanted.length)));
    from = at + wanted.length;
  }
  return [...found, content.slice(from)];
}
