// A function that may be called at any rate: it acts at once, then when its pause is over, and never without the last word.
export function paced(act, pause) {
  let again = null; // whether it is to act once more when the pause is over; null: there is no pause
  return function now() {
    if (again !== null) {
      again = true;
      return;
    }
    again = false;
    act();
    setTimeout(() => {
      const wanted = again;
      again = null;
      if (wanted) now();
    }, pause);
  };
}
