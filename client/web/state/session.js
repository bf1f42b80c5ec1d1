// How far the profile is open to this window, and whether the node answers.

import { signal } from "../vendor/signals.js";

/** boot, out (no pass), gone (no answer), no_profile, locked, starting, ready */
export const stage = signal("boot");
/** Why it is `out` or `gone`. */
export const trouble = signal(null);
/** Whether events come. */
export const isConnected = signal(true);
/** Whether the page also makes, opens and locks the profile, or a node runs beside it. */
export const isHost = signal(false);

/** Whether the profile was made just now, and nobody was invited yet. */
let isNewProfile = false;

export function markNewProfile() {
  isNewProfile = true;
}

/** Says, once, whether the profile was made just now. */
export function takeNewProfile() {
  const isNew = isNewProfile;
  isNewProfile = false;
  return isNew;
}

/** Forgets everything decrypted: a fresh page has nothing of the one before. */
export function forgetEverything() {
  location.reload();
}
