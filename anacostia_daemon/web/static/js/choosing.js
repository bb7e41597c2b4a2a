// Runs that are chosen in the table: how many, and whether there is anything to compare. The form sends them itself.
const shown = document.getElementById("runs");

function tell() {
  const count = shown.querySelectorAll('input[name="run"]:checked').length;
  const button = document.getElementById("compare");
  if (!button) return;
  button.disabled = count < 2;
  document.getElementById("chosen").textContent = count < 2 ? "Choose two runs or more to compare them." : `${count} runs chosen`;
}

shown.addEventListener("change", tell);
shown.addEventListener("htmx:afterSettle", tell);
addEventListener("pageshow", tell); // a browser that goes back keeps what was checked
addEventListener("keydown", (event) => {
  const box = event.key === "x" && document.activeElement?.closest("tr[data-run]")?.querySelector("input");
  if (!box || document.activeElement === box) return;
  box.checked = !box.checked;
  tell();
});

// The bar of the run that is pointed at.
shown.addEventListener("pointerover", (event) => {
  const run = event.target.closest("[data-run]")?.dataset.run;
  for (const each of shown.querySelectorAll(".near")) each.classList.remove("near");
  if (run) shown.querySelector(`.timeline a[data-run="${run}"]`)?.classList.add("near");
});
