// Work that is asked for often, and done once for all.

const DELAY = 120;

/** A function that does the work a moment after it was called, once for each different argument. */
export function debounce(work) {
  const waiting = new Set();

  return (argument) => {
    if (waiting.has(argument)) return;
    waiting.add(argument);
    setTimeout(() => {
      waiting.delete(argument);
      work(argument);
    }, DELAY);
  };
}
