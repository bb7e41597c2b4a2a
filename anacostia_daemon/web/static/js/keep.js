// Brings an element up to what a fragment says, changing only what differs: elements with the same `data-key` (or the same
// place and tag) are the same. So focus, scroll and running animations stay.
export function keep(target, wanted) {
  const known = new Map();
  for (const child of target.children) if (child.dataset.key) known.set(child.dataset.key, child);
  let at = target.firstChild;
  for (const node of [...wanted.childNodes]) {
    const same = node.nodeType === Node.ELEMENT_NODE && node.dataset?.key ? known.get(node.dataset.key) : alike(at, node) ? at : null;
    if (!same) {
      target.insertBefore(document.importNode(node, true), at);
      continue;
    }
    if (same !== at) target.insertBefore(same, at);
    else at = at.nextSibling;
    update(same, node);
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}

function alike(one, other) {
  if (!one || one.nodeType !== other.nodeType || one.nodeName !== other.nodeName) return false;
  return one.nodeType !== Node.ELEMENT_NODE || (one.dataset?.key ?? "") === (other.dataset?.key ?? "");
}

function update(one, other) {
  if (one.nodeType !== Node.ELEMENT_NODE) {
    if (one.nodeValue !== other.nodeValue) one.nodeValue = other.nodeValue;
    return;
  }
  if (one.isEqualNode(other)) return;
  const theirs = (name) => name.startsWith("aria-busy") || (name === "open" && one.nodeName === "DETAILS"); // the reader's
  for (const { name } of [...one.attributes]) if (!other.hasAttribute(name) && !theirs(name)) one.removeAttribute(name);
  for (const { name, value } of other.attributes) if (one.getAttribute(name) !== value && !theirs(name)) one.setAttribute(name, value);
  if (!one.hasAttribute("data-own")) keep(one, other); // what a script draws is its own
}
