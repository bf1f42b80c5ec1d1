// One conversation: what was said, how far it is, and where more is written.

import { html, useEffect, useLayoutEffect, useRef, useState } from "/vendor/preact.js";
import { ask, freshId, messagesPath } from "/api.js";
import { EmojiButton } from "/emoji.js";
import { clock, day, dayAndTime, duration, isoTime, startOfDay, t } from "/l10n.js";
import { isWatched } from "/presence.js";
import { reason, trouble } from "/reasons.js";
import { Rows } from "/scroll.js";
import { alarmOf, beforeLock, closeAlarm, contactOf, contactSoon, draftOf, keepDraft, keyOf, older, onArrival, openDialog, openTalk, readAll, state, toast, written } from "/state.js";
import { byteLength, oneLine, parts } from "/text.js";
import { Avatar, Button, Icon, Name, Presence } from "/ui.js";

const MAX_TEXT = 64_512;
const NEAR = 5 * 60_000;

export function Talk() {
  const { talk } = state;
  const conversation = talk && state.conversations.get(talk.id);
  const contact = contactOf(conversation);
  if (!contact) return html`<section class="talk none"><p>${t("choose")}</p></section>`;
  return html`<section class="talk" aria-label=${t("talk-with", { name: contact.name })}>
    <${Head} contact=${contact} conversation=${conversation} />
    <${Alarm} contact=${contact} />
    <${Said} contact=${contact} conversation=${conversation} talk=${talk} />
    <${Composer} contact=${contact} conversation=${conversation} />
    <${Heard} conversation=${conversation} />
  </section>`;
}

function Head({ contact, conversation }) {
  return html`<header class="bar">
    <${Button} kind="quiet phone" icon="back" label=${t("back")} act=${() => openTalk(null)} />
    <button type="button" class="person" onClick=${() => openDialog("person", { id: contact.id })}>
      <span class="face"><${Avatar} id=${contact.id} name=${contact.name} small /></span>
      <span class="what"><span class="line"><h1><${Name}>${contact.name}</${Name}></h1>
        ${contact.verified && html`<span class="mark" role="img" aria-label=${t("verified")}><${Icon} name="verified" /></span>`}</span>
        <span class="hint"><${Presence} contact=${contact} /> ${seen(contact)}</span></span>
    </button>
    <${Timer} contact=${contact} conversation=${conversation} />
    <${Button} kind="quiet" icon="more" label=${t("person")} act=${async () => openDialog("person", { id: contact.id })} />
  </header>`;
}

/** Whether somebody is there, and how that is known. */
export function seen(contact) {
  if (contact.state === "blocked") return t("blocked");
  if (contact.state === "requested") return t("asked");
  if (contact.state === "refused") return reason(contact.reason);
  const how = contact.presence_source ? ` · ${t(`source-${contact.presence_source}`)}` : "";
  if (contact.presence === "offline" && contact.since) {
    return t("seen-last", { when: dayAndTime(contact.since) }) + (contact.presence_source === "server" ? how : "");
  }
  if (contact.presence === "unknown" && contact.presence_reason) return `${t("presence-unknown")}: ${reason(contact.presence_reason)}`;
  return t(`presence-${contact.presence}`) + how;
}

function Timer({ contact, conversation }) {
  const after = conversation.settings.in_force.disappear_after;
  if (!after) return null;
  return html`<button type="button" class="button quiet timer" onClick=${() => openDialog("person", { id: contact.id })}
    aria-label=${t("disappear-now", { time: duration(after) })} title=${t("disappear-now", { time: duration(after) })}><${Icon} name="timer" />${duration(after)}</button>`;
}

/** What must not be overlooked. */
function Alarm({ contact }) {
  const kind = alarmOf(contact.id);
  if (!kind) return null;
  return html`<div class=${`alarm ${kind === "key" ? "bad" : ""}`} role="alert"><${Icon} name="warn" />
    <p>${t(`alarm-${kind}`, { name: contact.name })}</p><${Button} kind="quiet" icon="close" label=${t("close")} act=${() => closeAlarm(contact.id)} /></div>`;
}

/** How often it is asked why something waits. */
const WHY_EVERY = 5000;

function Said({ contact, conversation, talk }) {
  const waits = conversation.waiting > 0 || contact.state === "requested";
  useEffect(() => {
    if (!waits) return undefined;
    const timer = setInterval(() => contactSoon(contact.id), WHY_EVERY);
    return () => clearInterval(timer);
  }, [waits]);
  const atEnd = () => {
    if (isWatched() && conversation.unread) readAll(conversation.id).catch(() => {});
  };
  if (talk.reading && !talk.messages.length) return html`<div class="rows" aria-busy="true"></div>`;
  if (!talk.messages.length) return html`<div class="rows empty"><p>${contact.state === "accepted" ? t("say-hello", { name: contact.name }) : seen(contact)}</p>
    ${contact.state === "requested" && html`<p class="hint">${reason(contact.reason)}</p>`}</div>`;
  const { messages, goTo } = talk;
  return html`<${Rows} items=${messages} keyOf=${keyOf} guess=${56} goTo=${goTo}
    label=${t("messages-with", { name: contact.name })} unit=${t("messages")} endLabel=${t("to-end")} top=${() => older()} seen=${atEnd}
    draw=${(message, i) => html`<${Bubble} message=${message} before=${messages[i - 1]} after=${messages[i + 1]} found=${goTo === keyOf(message)} why=${contact.reason}
      unread=${talk.unreadFrom === keyOf(message) ? talk.unread : 0} />`} />`;
}

const together = (one, other) => one && other && one.direction === other.direction && Math.abs(other.created_at - one.created_at) < NEAR
  && startOfDay(one.created_at) === startOfDay(other.created_at);

function Bubble({ message, before, after, found, unread, why }) {
  const mine = message.direction === "sent";
  const newDay = !before || startOfDay(before.created_at) !== startOfDay(message.created_at);
  const begins = !together(before, message) || message.missing_before > 0;
  const ends = !together(message, after) || (after?.missing_before ?? 0) > 0;
  const waits = message.state === "queued" || message.state === "sent";
  return html`
    ${newDay && html`<p class="day"><span>${day(message.created_at)}</span></p>`}
    ${unread > 0 && html`<p class="day new"><span>${t("unread-n", { n: unread })}</span></p>`}
    ${message.missing_before > 0 && html`<p class="gap">${t("missing", { n: message.missing_before })}</p>`}
    <article class=${`bubble ${mine ? "mine" : "theirs"} ${begins ? "begins" : ""} ${ends ? "ends" : ""} ${found ? "hit" : ""} ${message.state}`} data-id=${message.id}>
      <span class="unseen">${mine ? t("you") : t("from", { name: authorOf(message) })}</span>
      <${Text} text=${message.text} />
      <span class="meta">
        ${message.late && html`<span title=${t("late")}>${t("late-short")} · </span>`}
        ${message.disappears_at && html`<span role="img" aria-label=${t("disappears", { when: dayAndTime(message.disappears_at) })} title=${t("disappears", { when: dayAndTime(message.disappears_at) })}><${Icon} name="timer" /></span>`}
        <time datetime=${isoTime(message.created_at)} title=${dayAndTime(message.created_at)}>${clock(message.created_at)}</time>
        ${mine && html`<${State} message=${message} />`}
      </span>
    </article>
    ${mine && (waits || message.state === "expired" || message.state === "cancelled") && (ends || message.state === "queued") && html`<p class="why">
      ${waits ? reason(why ?? message.reason) : t(`state-${message.state}`)}
      ${message.state === "queued" && html` <${Button} kind="quiet small" act=${() => cancel(message)}>${t("cancel-message")}</${Button}>`}</p>`}`;
}

const authorOf = (message) => message.author?.name ?? message.conversation_name;

const cancel = (message) => ask("DELETE", `/v1/messages/${message.id}`);

const MARKS = { queued: "clock", sent: "check", delivered: "checks", read: "checks", cancelled: "close", expired: "warn" };

const State = ({ message }) => html`<span class=${`state-mark ${message.state}`} role="img" aria-label=${t(`state-${message.state}`)} title=${t(`state-${message.state}`)}>
  <${Icon} name=${MARKS[message.state] ?? "clock"} /></span>`;

const ONLY_EMOJI = /^(?:\p{Extended_Pictographic}(?:\ufe0f|\p{EMod}|\u200d\p{Extended_Pictographic})*\s*){1,5}$/u;

function Text({ text }) {
  const shown = text.length < 40 && ONLY_EMOJI.test(text.trim());
  return html`<p class=${shown ? "text large" : "text"} dir="auto">${parts(text).map((part) => (part.link
    ? html`<button type="button" class="link" dir="ltr" onClick=${() => openDialog(part.link.toLowerCase().startsWith("chive:") ? "add" : "link", { link: part.link })}>${part.link}</button>`
    : part.text))}</p>`;
}

let sending = Promise.resolve();

/** One after the other, so that they keep their order. */
function inOrder(send) {
  sending = sending.catch(() => {}).then(send);
  return sending;
}

const lines = (texts) => texts.filter(Boolean).join("\n");

/** What is written in a conversation: what the node does not have yet, on its way or not, is kept as the draft. */
class Draft {
  going = [];
  /** What may have come all the same: as it is, it is sent again under its id. */
  refused = null;
  draw = () => {};

  constructor(conversation) {
    this.conversation = conversation;
    this.text = draftOf(conversation);
  }

  write(text) {
    this.text = text;
    this.draw();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.keep(), 400);
  }

  async keep(options) {
    clearTimeout(this.timer);
    const unsent = lines([...this.going.map(({ text }) => text), this.text]);
    if (!state.conversations.has(this.conversation) || draftOf(this.conversation) === unsent) return;
    await keepDraft(this.conversation, unsent, options).catch(() => {});
  }

  async send() {
    const message = this.refused?.text === this.text ? this.refused : { id: freshId(), text: this.text };
    this.refused = null;
    this.going.push(message);
    this.write("");
    const problem = await inOrder(() => ask("POST", messagesPath(this.conversation), message)).then(() => null, (problem) => problem);
    this.going.splice(this.going.indexOf(message), 1);
    if (problem) {
      this.refused = message;
      this.write(lines([message.text, this.text]));
      toast(trouble(problem), "bad");
    }
    await this.keep();
  }
}

const drafts = new Map();

function draftIn(conversation) {
  if (!drafts.has(conversation)) drafts.set(conversation, new Draft(conversation));
  return drafts.get(conversation);
}

const keepAll = (options) => Promise.all([...drafts.values()].map((draft) => draft.keep(options)));

/** A lock does not wait for ever for what is on its way. */
const PATIENCE = 3000;

beforeLock.add(() => Promise.race([
  sending.catch(() => {}).then(() => keepAll()).then(written),
  new Promise((done) => setTimeout(done, PATIENCE)),
]));
addEventListener("pagehide", () => keepAll({ keepalive: true }));

function Composer({ contact, conversation }) {
  const draft = draftIn(conversation.id);
  const { text } = draft;
  const [, draw] = useState(0);
  const box = useRef(null);
  useLayoutEffect(() => {
    draft.draw = () => draw((n) => n + 1);
    if (!matchMedia("(pointer: coarse)").matches) box.current?.focus();
    return () => {
      draft.draw = () => {};
      draft.keep();
    };
  }, []);
  useLayoutEffect(() => {
    if (!box.current) return;
    box.current.style.height = "auto";
    box.current.style.height = `${Math.min(box.current.scrollHeight + 2, 200)}px`;
  }, [text]);
  if (contact.state !== "accepted") return html`<p class="composer closed">${contact.state === "blocked" ? t("blocked-long") : seen(contact)}</p>`;
  const left = MAX_TEXT - byteLength(text);
  const go = () => {
    if (!draft.text.trim() || byteLength(draft.text) > MAX_TEXT) return;
    draft.send();
    box.current?.focus();
  };
  const keyed = (event) => {
    const enter = event.key === "Enter" && !event.isComposing;
    if (enter && !event.shiftKey && (!matchMedia("(pointer: coarse)").matches || event.ctrlKey)) {
      event.preventDefault();
      go();
    }
  };
  const insert = (emoji) => {
    const { selectionStart: from, selectionEnd: to } = box.current;
    draft.write(draft.text.slice(0, from) + emoji + draft.text.slice(to));
    box.current.focus();
  };
  return html`<form class="composer" onSubmit=${(event) => { event.preventDefault(); go(); }}>
    <${EmojiButton} choose=${insert} />
    <textarea ref=${box} rows="1" dir="auto" autocomplete="off" aria-label=${t("write-to", { name: contact.name })} placeholder=${t("write")}
      value=${text} onInput=${(event) => draft.write(event.currentTarget.value)} onKeyDown=${keyed} onBlur=${() => draft.keep()}></textarea>
    ${left < 2000 && html`<span class=${left < 0 ? "count bad" : "count"} role="status">${t("left", { n: left })}</span>`}
    <button class="button primary round" aria-label=${t("send")} title=${t("send")} disabled=${!text.trim() || left < 0}><${Icon} name="send" /></button>
  </form>`;
}

/** What came is said aloud where it is read aloud. */
function Heard({ conversation }) {
  const [said, say] = useState("");
  useEffect(() => {
    const stop = onArrival((message) => {
      if (message.conversation === conversation.id) say(`${t("from", { name: authorOf(message) })} ${oneLine(message.text)}`);
    });
    return () => { stop(); };
  }, []);
  return html`<p class="unseen" role="status" aria-live="polite">${said}</p>`;
}
