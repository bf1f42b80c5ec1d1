// Toasts: brief notices that an action succeeded or failed, removed after a few seconds. `attempt`
// runs an action and reports its failure.

import { describeProblem } from "../lib/l10n.js";
import { signal } from "../vendor/signals.js";

const SHORT = 3500;
const LONG = 8000;

export const toasts = signal([]);

export function showToast(text, kind = "done") {
  const toast = { text, kind, key: crypto.randomUUID() };
  toasts.value = [...toasts.value, toast];
  const remove = () => {
    toasts.value = toasts.value.filter((shown) => shown !== toast);
  };
  setTimeout(remove, kind === "done" ? SHORT : LONG);
}

/** Does what was chosen, and says what went wrong. */
export async function attempt(act) {
  try {
    await act();
  } catch (problem) {
    showToast(describeProblem(problem), "bad");
  }
}
