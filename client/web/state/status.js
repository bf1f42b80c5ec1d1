// How the node is: Tor, onion services, counts, and what its owner is called and shows.

import { ask, get, ignoreProblem } from "../lib/api.js";
import { applyUnlessStale } from "../lib/apply-unless-stale.js";
import { debounce } from "../lib/debounce.js";
import { signal } from "../vendor/signals.js";

export const status = signal(null);

/** Takes the status as an answer has it. */
export const applyStatus = (question) =>
  applyUnlessStale(
    () => status.value,
    question,
    (answer) => {
      status.value = answer;
    },
    refreshStatus,
  );

/** Asks how the node is, soon. */
export const refreshStatus = debounce(() => {
  applyStatus(get("/v1/status")).catch(ignoreProblem);
});

export const renameOwner = (name) => applyStatus(ask("PATCH", "/v1/profile", { name }));
export const setOwnPresence = (presence) => applyStatus(ask("PUT", "/v1/presence", { presence }));
