// Window title, notifications and online alerts for a user who is not looking at the page.

import { t } from "../lib/l10n.js";
import { oneLine, visible } from "../lib/text.js";
import { contacts } from "../state/contacts.js";
import { unreadCount } from "../state/conversations.js";
import { onArrival, openConversation } from "../state/messages.js";
import { endOnlineAlert, isOnlineAlertDue, preference } from "../state/preferences.js";
import { isWatched, noticeActivity, reportActivity, stage } from "../state/session.js";
import { attempt, showToast } from "../state/toasts.js";
import { effect, untracked } from "../vendor/signals.js";

export function startNotifications() {
  for (const kind of ["keydown", "pointerdown", "pointermove", "wheel"]) {
    addEventListener(kind, noticeActivity, { passive: true });
  }
  effect(showTitle);
  effect(reportOnceReady);
  effect(announceWhoCame);
  onArrival(notifyOfMessage);
}

function showTitle() {
  const n = stage.value === "ready" ? unreadCount.value : 0;
  // Titles show the marks that keep a number apart from the words.
  const title = n ? t("title-unread", { n: String(n) }).replace(/[\u2068\u2069]/gu, "") : "Chive";
  document.title = title;
}

function reportOnceReady() {
  if (stage.value === "ready") untracked(reportActivity);
}

function announceWhoCame() {
  if (stage.value !== "ready") return;
  for (const contact of contacts.value.values()) {
    const isDue = contact.presence === "online" && isOnlineAlertDue(contact.id);
    if (isDue) untracked(() => announce(contact));
  }
}

function announce({ id, name, conversation }) {
  endOnlineAlert(id);
  const text = t("came-online", { name: visible(name) });
  showToast(text);
  notify(conversation, preference("notify") === "quiet" ? t("notify-somebody") : text);
}

function notifyOfMessage({ conversation, author, text }) {
  const level = preference("notify");
  const name = visible(author?.name ?? "Chive");
  const title = level === "quiet" ? t("notify-something") : name;
  notify(conversation, title, level === "all" ? oneLine(text, 120) : undefined);
}

function notify(conversation, title, body) {
  if (preference("notify", "off") === "off" || isWatched()) return;
  if (globalThis.Notification?.permission !== "granted") return;
  const options = { body, icon: "/icon.svg", tag: conversation };
  const notification = new Notification(title, options);
  notification.onclick = () => {
    focus();
    attempt(() => openConversation(conversation));
    notification.close();
  };
}
