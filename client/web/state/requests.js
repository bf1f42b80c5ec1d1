// Requests of people who found us by a handle, and our answers to them.

import { ask } from "../lib/api.js";
import { signal } from "../vendor/signals.js";

/** Null if the node knows of no requests. */
export const requests = signal(null);

export async function answerRequest(id, decision) {
  await ask("POST", `/v1/requests/${id}`, { decision });
  requests.value = requests.value.filter((request) => request.id !== id);
}
