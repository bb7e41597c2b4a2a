// Exponential moving average, debiased at its beginning, so that the first values are not drawn towards zero.
export function smoothed(column, weight) {
  if (!weight) return column;
  let last = 0;
  let count = 0;
  return column.map((value) => {
    if (value == null) return null;
    last = last * weight + (1 - weight) * value;
    count += 1;
    return last / (1 - weight ** count);
  });
}
