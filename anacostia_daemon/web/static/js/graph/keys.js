// Keys of the graph: + - 0 for the whole page; arrows lead from a node along its edges, and to its neighbours.
const STEP = 60;

export function keys(board) {
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select, dialog")) return;
    const node = event.target.closest?.(".node");
    if (event.key === "+" || event.key === "=") board.view.zoom(1.3);
    else if (event.key === "-") board.view.zoom(1 / 1.3);
    else if (event.key === "0") board.fit();
    else if (node && event.key.startsWith("Arrow")) next(board, node, event.key)?.focus();
    else return;
    event.preventDefault();
  });
}

// The nearest item on that side.
function next(board, node, key) {
  const here = board.at.get(node.dataset.id);
  const [ax, ay] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[key];
  let [best, least] = [null, Infinity];
  for (const [id, { x, y }] of board.at) {
    const [dx, dy] = [x - here.x, y - here.y];
    const ahead = dx * ax + dy * ay;
    const beside = Math.abs(dx * ay) + Math.abs(dy * ax);
    if (ahead > STEP / 2 && ahead + 3 * beside < least) [best, least] = [id, ahead + 3 * beside];
  }
  return best && board.elements.get(best);
}
