// Saves what is typed in the order of typing: shown at once, undone if refused.

let queue = Promise.resolve();

export const everythingSaved = () => queue.catch(() => {});

/**
 * Shows a text and has `put` save it; a refused one is as it was before. Who leaves the page does
 * not wait for the others: `keepalive`.
 */
export async function save(text, { read, show, put, keepalive }) {
  const before = read();
  show(text);
  try {
    if (keepalive) await put();
    else await enqueue(put);
  } catch (problem) {
    if (read() === text) show(before);
    throw problem;
  }
}

function enqueue(put) {
  queue = everythingSaved().then(put);
  return queue;
}
