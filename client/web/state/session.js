// The session of this window: stage of the profile, connection, last error, activity, locking.

import { ask } from "../lib/api.js";
import { signal } from "../vendor/signals.js";
import { settleDrafts } from "./drafts.js";
import { preference } from "./preferences.js";

/** boot, out (no pass), gone (no answer), no_profile, locked, starting, ready */
export const stage = signal("boot");
export const lastError = signal(null);
export const isConnected = signal(true);
/** Whether the page also makes, opens and locks the profile, or a node runs beside it. */
export const isHost = signal(false);

let isNewProfile = false;

export function markNewProfile() {
  isNewProfile = true;
}

export function consumeNewProfile() {
  const isNew = isNewProfile;
  isNewProfile = false;
  return isNew;
}

/** Forgets everything decrypted: a fresh page has nothing of the one before. */
export function forgetEverything() {
  location.reload();
}

const REPORT_EVERY = 30_000;
let reportedAt = 0;

export const isWatched = () => document.visibilityState === "visible" && document.hasFocus();

/** Seconds without anybody after which the profile is locked; 0 for never. */
export const lockAfter = () => Number(preference("lock-after", "0"));

export function reportActivity() {
  if (stage.value !== "ready") return;
  reportedAt = Date.now();
  ask("POST", "/ui/active", { lock_after: lockAfter() }).catch(() => {});
}

export function noticeActivity() {
  if (Date.now() - reportedAt > REPORT_EVERY && lockAfter()) reportActivity();
}

/** Locks the profile; the page forgets what it knew. */
export async function lockProfile() {
  await settleDrafts();
  await ask("POST", "/ui/lock");
  forgetEverything();
}
