// The field that searches the graph: marks what fits while one types, goes from one to the next with Enter.
export function finder(board, field, said) {
  let hits = [];
  let at = -1;

  function look() {
    const words = field.value.trim().toLowerCase();
    at = -1;
    hits = words ? [...board.nodes.values()].filter((each) => fits(each, words)).map((each) => each.name) : [];
    board.mark(words ? hits : null);
    said.textContent = words ? `${hits.length} of ${board.nodes.size}` : "";
  }

  field.addEventListener("input", look);
  field.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      field.value = "";
      look();
      field.blur();
    } else if (event.key === "Enter" && hits.length) {
      at = (at + (event.shiftKey ? hits.length - 1 : 1)) % hits.length;
      board.reveal(hits[at]);
      board.mark(hits);
      said.textContent = `${at + 1} of ${hits.length}: ${hits[at]}`;
      event.preventDefault();
    }
  });
  return look;
}

// By name, type, kind or phase.
function fits(node, words) {
  return [node.name, node.type, node.kind.replace("_", " "), node.phase].some((each) => each.toLowerCase().includes(words));
}
