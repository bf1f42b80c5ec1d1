// That somebody sits before the page: the title and notifications when not, the lock when not for long.

import { ask } from "/api.js";
import { t } from "/l10n.js";
import { onArrival, openTalk, set, setting, state, subscribe } from "/state.js";
import { oneLine, visible } from "/text.js";

/** How often the node is told that somebody is there, at most. */
const TELL_EVERY = 30_000;
let told = 0;

export const unreadCount = () => [...state.contacts.values()].reduce((sum, contact) => sum + contact.unread, 0);

/** Seconds without anybody after which the profile is locked; 0 for never. */
export const lockAfter = () => Number(setting("lock-after", "0"));

/** Tells the node that somebody is there, and when to lock. */
export function tellActive(now = Date.now()) {
  if (state.stage !== "ready") return;
  told = now;
  ask("POST", "/ui/active", { lock_after: lockAfter() }).catch(() => {});
}

function acted() {
  const now = Date.now();
  if (now - told > TELL_EVERY && lockAfter()) tellActive(now);
}

/** Watches from now on. */
export function watch() {
  for (const kind of ["keydown", "pointerdown", "pointermove", "wheel"]) addEventListener(kind, acted, { passive: true });
  subscribe(() => {
    const n = state.stage === "ready" ? unreadCount() : 0;
    document.title = n ? t("title-unread", { n: String(n) }).replace(/[\u2068\u2069]/gu, "") : "Chive";
  });
  subscribe(onceReady());
  onArrival(notify);
  document.addEventListener("visibilitychange", () => set({}));
  addEventListener("focus", () => set({}));
}

function onceReady() {
  let before = "";
  return () => {
    if (state.stage === "ready" && before !== "ready") tellActive();
    before = state.stage;
  };
}

/** Whether somebody looks at the page now. */
export const isWatched = () => document.visibilityState === "visible" && document.hasFocus();

/** Says that something came, and no more than was switched on. */
function notify(message) {
  const level = setting("notify", "off");
  if (level === "off" || isWatched() || globalThis.Notification?.permission !== "granted") return;
  const contact = state.contacts.get(message.contact_id);
  const body = level === "all" ? oneLine(message.text, 120) : undefined;
  const made = new Notification(level === "quiet" ? t("notify-something") : visible(contact?.name ?? "Chive"), { body, icon: "/icon.svg", tag: message.contact_id });
  made.onclick = () => {
    focus();
    openTalk(message.contact_id);
    made.close();
  };
}
