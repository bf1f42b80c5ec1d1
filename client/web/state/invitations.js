// Our invitations, also ended ones: lists, creates and revokes them through the node.

import { applyUnlessStale } from "../lib/answers.js";
import { ask, get } from "../lib/api.js";
import { signal } from "../vendor/signals.js";

export const invitations = signal(null);

export function readInvitations() {
  return applyUnlessStale(
    () => invitations.value,
    get("/v1/invitations"),
    (answer) => {
      invitations.value = answer;
    },
    readInvitations,
  );
}

/** Makes another one: for so many people, good for so many seconds. */
export const makeInvitation = (uses, expiresIn) =>
  ask("POST", "/v1/invitations", { uses, expires_in: expiresIn });

export async function revokeInvitation(id) {
  await ask("DELETE", `/v1/invitations/${id}`);
  await readInvitations();
}
