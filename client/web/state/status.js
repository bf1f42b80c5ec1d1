// The node's status: Tor, onion services, counts, the owner's name and presence. Changes the latter
// two.

import { answers } from "../lib/answers.js";
import { ask } from "../lib/api.js";
import { signal } from "../vendor/signals.js";

export const status = signal(null);

const { apply, refresh: refreshStatus } = answers({
  path: () => "/v1/status",
  read: () => status.value,
  write: (_, answer) => {
    status.value = answer;
  },
});

export { refreshStatus };

const applyStatus = (question) => apply("status", question);

export const renameOwner = (name) => applyStatus(ask("PATCH", "/v1/profile", { name }));
export const setOwnPresence = (presence) => applyStatus(ask("PUT", "/v1/presence", { presence }));
