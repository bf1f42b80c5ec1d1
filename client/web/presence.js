// That somebody sits before the page: the title and notifications when not, the lock when not for long.

import { ask } from "/api.js";
import { t } from "/l10n.js";
import { note, onArrival, openTalk, set, setting, state, subscribe, toast } from "/state.js";
import { oneLine, visible } from "/text.js";
import { attempt } from "/ui.js";

/** How often the node is told that somebody is there, at most. */
const TELL_EVERY = 30_000;
let told = 0;

export const unreadCount = () => [...state.conversations.values()].reduce((sum, { unread }) => sum + unread, 0);

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
  subscribe(tellWhoCame);
  onArrival(notifyOf);
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

/** The note that somebody is waited for. */
const WANTED = "ui.wanted.";
export const isWanted = (id) => state.notes.has(WANTED + id);
export function setWanted(id, wanted) {
  announced.delete(id);
  return note(WANTED + id, wanted ? "yes" : "");
}

/** Who was announced already, also where the note of it stays. */
const announced = new Set();

/** Says, once, that somebody who was waited for is online. */
function tellWhoCame() {
  if (state.stage !== "ready") return;
  for (const contact of state.contacts.values()) {
    if (contact.presence !== "online" || !isWanted(contact.id) || announced.has(contact.id)) continue;
    note(WANTED + contact.id, "").catch(() => {});
    announced.add(contact.id);
    const came = t("came-online", { name: visible(contact.name) });
    toast(came);
    notify(contact.conversation, setting("notify") === "quiet" ? t("notify-somebody") : came);
  }
}

/** Says that a message came, and no more than was switched on. */
function notifyOf({ conversation: id, author, text }) {
  const level = setting("notify");
  const name = visible(author?.name ?? "Chive");
  notify(id, level === "quiet" ? t("notify-something") : name, level === "all" ? oneLine(text, 120) : undefined);
}

/** Shows it to who does not look at the page, if that is switched on. */
function notify(id, title, body) {
  if (setting("notify", "off") === "off" || isWatched() || globalThis.Notification?.permission !== "granted") return;
  const made = new Notification(title, { body, icon: "/icon.svg", tag: id });
  made.onclick = () => {
    focus();
    attempt(() => openTalk(id));
    made.close();
  };
}
