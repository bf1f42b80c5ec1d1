// Applies the node's answers, unless events have overtaken them meanwhile: then it asks again.

import { get, ignoreProblem } from "./api.js";
import { withEntry } from "./collections.js";

/**
 * Applies an answer, unless what `current` returns is another thing than when it was asked for:
 * then something newer has come meanwhile, and `again` asks again. It relies on values that are
 * replaced and never changed in place.
 */
export async function applyUnlessStale(current, question, apply, again) {
  const before = current();
  const answer = await question;
  if (current() !== before) return again();
  apply(answer);
}

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

/**
 * How answers about things are taken, each named by an id: `read` and `write` are what is known.
 * `apply` takes an answer unless it is stale; `refresh` asks soon, if the thing is still known.
 */
export function answers({ path, read, write }) {
  const refresh = debounce((id) => {
    if (read(id)) apply(id, get(path(id))).catch(ignoreProblem);
  });
  const apply = (id, question) =>
    applyUnlessStale(
      () => read(id),
      question,
      (answer) => write(id, answer),
      () => refresh(id),
    );
  return { apply, refresh };
}

/** The same for things by their ids, in a signal's map. */
export const answersById = (things, path) =>
  answers({
    path,
    read: (id) => things.value.get(id),
    write: (id, answer) => {
      things.value = withEntry(things.value, id, answer);
    },
  });
