// What the API says at a path; an error has its message and its hint.
export async function fetched(path) {
  const answer = await fetch(path);
  const said = await answer.json().catch(() => ({}));
  if (!answer.ok) throw Object.assign(new Error(said.error?.message ?? `the answer was ${answer.status}`), { hint: said.error?.hint });
  return said;
}
