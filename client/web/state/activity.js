// Whether somebody sits before the page: the node locks the profile when nobody has for long.

import { ask } from "../lib/api.js";
import { settleDrafts } from "./drafts.js";
import { preference } from "./preferences.js";
import { forgetEverything, stage } from "./session.js";

/** How often the node is told, at most. */
const REPORT_EVERY = 30_000;
let reportedAt = 0;

/** Whether somebody looks at the page now. */
export const isWatched = () => document.visibilityState === "visible" && document.hasFocus();

/** Seconds without anybody after which the profile is locked; 0 for never. */
export const lockAfter = () => Number(preference("lock-after", "0"));

/** Tells the node that somebody is there, and when to lock. */
export function reportActivity() {
  if (stage.value !== "ready") return;
  reportedAt = Date.now();
  ask("POST", "/ui/active", { lock_after: lockAfter() }).catch(() => {});
}

/** Somebody did something. */
export function noticeActivity() {
  if (Date.now() - reportedAt > REPORT_EVERY && lockAfter()) reportActivity();
}

/** Locks the profile; the page forgets what it knew. */
export async function lockProfile() {
  await settleDrafts();
  await ask("POST", "/ui/lock");
  forgetEverything();
}
