// The messages of the open conversation: bubbles, days, delivery states, and why a message waits.

import { Button, Icon } from "../components/button.js";
import { describePresence } from "../components/contact.js";
import { EndAnchoredList } from "../components/long-lists.js";
import {
  dayAndTime,
  dayName,
  describeReason,
  isoTime,
  startOfDay,
  t,
  timeOfDay,
} from "../lib/l10n.js";
import { observer } from "../lib/observer.js";
import { parts } from "../lib/text.js";
import { refreshContact } from "../state/contacts.js";
import { openDialog } from "../state/dialogs.js";
import { cancelMessage, markShownAsRead, readOlder } from "../state/messages.js";
import { isWatched } from "../state/session.js";
import { authorOf, keyOf } from "../state/timeline.js";
import { html, useEffect, useState } from "../vendor/preact.js";

const ASK_WHY_EVERY = 5000;
const NEAR = 5 * 60_000;
const USUAL_HEIGHT = 56;

export const MessageList = observer(({ contact, conversation, timeline }) => {
  const { messages, reading, goTo, unread, unreadFrom } = timeline;
  const waits = conversation.waiting > 0 || contact.state === "requested";
  useEffect(() => {
    if (!waits) return undefined;
    const timer = setInterval(() => refreshContact(contact.id), ASK_WHY_EVERY);
    return () => clearInterval(timer);
  }, [waits]);
  useRedrawOnReturn();
  const atEnd = () => {
    if (isWatched() && conversation.unread) markShownAsRead(conversation.id).catch(() => {});
  };

  if (!messages.length) {
    if (reading) return html`<div class="rows" aria-busy="true"></div>`;
    return html`<${NoMessages} contact=${contact} />`;
  }
  const draw = (message, i) => html`<${Message} message=${message} before=${messages[i - 1]}
    after=${messages[i + 1]} isFound=${goTo === keyOf(message)}
    why=${message.state === "queued" || message.state === "sent" ? contact.reason : undefined}
    unread=${unreadFrom === keyOf(message) ? unread : 0} />`;
  return html`<${EndAnchoredList} items=${messages} keyOf=${keyOf} guess=${USUAL_HEIGHT}
    goTo=${goTo} label=${t("messages-with", { name: contact.name })}
    itemsLabel=${t("messages")} endLabel=${t("to-end")}
    onNearTop=${() => readOlder()} onEnd=${atEnd} draw=${draw} />`;
});

/** Who comes back to the window sees what came meanwhile, so that it counts as read. */
function useRedrawOnReturn() {
  const [, redraw] = useState(0);
  useEffect(() => {
    const returned = () => redraw((n) => n + 1);
    addEventListener("focus", returned);
    document.addEventListener("visibilitychange", returned);
    return () => {
      removeEventListener("focus", returned);
      document.removeEventListener("visibilitychange", returned);
    };
  }, []);
}

const NoMessages = observer(({ contact }) => {
  const isOpen = contact.state === "accepted";
  return html`<div class="rows empty">
    <p>${isOpen ? t("say-hello", { name: contact.name }) : describePresence(contact)}</p>
    ${contact.state === "requested" && html`<p class="hint">${describeReason(contact.reason)}</p>`}
  </div>`;
});

const isSameDay = (one, other) => startOfDay(one.created_at) === startOfDay(other.created_at);

const areTogether = (one, other) =>
  one &&
  other &&
  !(other.missing_before > 0) &&
  one.direction === other.direction &&
  Math.abs(other.created_at - one.created_at) < NEAR &&
  isSameDay(one, other);

const Message = observer(({ message, before, after, isFound, unread, why }) => {
  const { created_at: at, direction, missing_before: missing = 0, state } = message;
  const isMine = direction === "sent";
  const isNewDay = !before || !isSameDay(before, message);
  const ends = !areTogether(message, after);
  const names = [
    "bubble",
    isMine ? "mine" : "theirs",
    areTogether(before, message) ? "" : "begins",
    ends ? "ends" : "",
    isFound ? "hit" : "",
    state ?? "",
  ];

  return html`
    ${isNewDay && html`<p class="day"><span>${dayName(at)}</span></p>`}
    ${unread > 0 && html`<p class="day new"><span>${t("unread-n", { n: unread })}</span></p>`}
    ${missing > 0 && html`<p class="gap">${t("missing", { n: missing })}</p>`}
    <article class=${names.join(" ")} data-id=${message.id}>
      <span class="unseen">${isMine ? t("you") : t("from", { name: authorOf(message) })}</span>
      <${Text} text=${message.text} />
      <span class="meta">
        ${message.late && html`<span title=${t("late")}>${t("late-short")} · </span>`}
        ${message.disappears_at && html`<${DisappearMark} at=${message.disappears_at} />`}
        <time datetime=${isoTime(at)} title=${dayAndTime(at)}>${timeOfDay(at)}</time>
        ${isMine && html`<${StateMark} state=${state} />`}
      </span>
    </article>
    ${isMine && html`<${WhyNot} message=${message} why=${why} isLastOfGroup=${ends} />`}`;
});

function DisappearMark({ at }) {
  const label = t("disappears", { when: dayAndTime(at) });
  return html`<span role="img" aria-label=${label} title=${label}><${Icon} name="timer" /></span>`;
}

const STATE_ICONS = {
  queued: "clock",
  sent: "check",
  delivered: "checks",
  read: "checks",
  cancelled: "close",
  expired: "warn",
};

function StateMark({ state }) {
  const label = t(`state-${state}`);
  return html`<span class=${`state-mark ${state}`} role="img" aria-label=${label} title=${label}>
    <${Icon} name=${STATE_ICONS[state] ?? "clock"} />
  </span>`;
}

/** Why a message of ours waits, or does not arrive. Below a group, it is said once. */
function WhyNot({ message, why, isLastOfGroup }) {
  const { id, state } = message;
  const waits = state === "queued" || state === "sent";
  if (!waits && state !== "expired" && state !== "cancelled") return null;
  if (!isLastOfGroup && state !== "queued") return null;
  const cancel = html` <${Button} kind="quiet small" act=${() => cancelMessage(id)}>
    ${t("cancel-message")}</${Button}>`;

  return html`<p class="why">
    ${waits ? describeReason(why ?? message.reason) : t(`state-${state}`)}
    ${state === "queued" && cancel}
  </p>`;
}

const ONLY_EMOJI =
  /^(?:\p{Extended_Pictographic}(?:\ufe0f|\p{EMod}|\u200d\p{Extended_Pictographic})*\s*){1,5}$/u;

function Text({ text }) {
  const isLarge = text.length < 40 && ONLY_EMOJI.test(text.trim());
  return html`<p class=${isLarge ? "text large" : "text"} dir="auto">
    ${parts(text).map(({ text: plain, link }) => (link ? html`<${Link} link=${link} />` : plain))}
  </p>`;
}

/** A link is not followed at once: a dialog says where it leads. */
function Link({ link }) {
  const dialog = link.toLowerCase().startsWith("chive:") ? "add" : "link";
  const open = () => openDialog(dialog, { link });
  return html`<button type="button" class="link" dir="ltr" onClick=${open}>${link}</button>`;
}
