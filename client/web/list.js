// Who there is to talk with: the conversations, and a search over all of them.

import { html, useEffect, useMemo, useRef, useState } from "/vendor/preact.js";
import { get } from "/api.js";
import { brief, compare, isoTime, t } from "/l10n.js";
import { reason, trouble } from "/reasons.js";
import { Menu } from "/scroll.js";
import { alarmOf, arrivedAt, contactOf, draftOf, keyOf, openDialog, openTalk, set, state } from "/state.js";
import { oneLine, visible } from "/text.js";
import { Avatar, Button, Icon, Name, Presence, attempt } from "/ui.js";
import { lockNow } from "/settings.js";

const ROW = 68;
const FOUND = 60;

function latest({ newest, created_at: began }) {
  return Math.max(newest ? arrivedAt(newest) : 0, began);
}

/** Those in which something was said last come first; none with people who are blocked. */
function ordered(words) {
  const wanted = words.toLocaleLowerCase();
  const isShown = (conversation) => (contactOf(conversation)?.state ?? "blocked") !== "blocked";
  const all = [...state.conversations.values()].filter(isShown);
  const fitting = wanted ? all.filter(({ name }) => name.toLocaleLowerCase().includes(wanted)) : all;
  return fitting.sort((one, other) => latest(other) - latest(one) || compare(one.name, other.name));
}

export function List() {
  const [words, setWords] = useState("");
  const { found } = state;
  const search = useRef(null);
  const conversations = useMemo(() => ordered(words), [words, state.version]);
  useEffect(() => {
    const wanted = words.trim();
    if (wanted.length < 2) {
      set({ found: null });
      return undefined;
    }
    let over = false;
    const timer = setTimeout(async () => {
      const answer = await get(`/v1/search?limit=${FOUND}&text=${encodeURIComponent(wanted.slice(0, 200))}`)
        .then((messages) => ({ messages }), (problem) => ({ problem }));
      if (!over) set({ found: answer });
    }, 200);
    return () => {
      over = true;
      clearTimeout(timer);
    };
  }, [words]);
  useEffect(() => {
    const keyed = (event) => {
      if ((event.ctrlKey || event.metaKey) && event.key === "k") {
        event.preventDefault();
        search.current.focus();
      }
      if (event.altKey && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
        event.preventDefault();
        const all = ordered("");
        const at = all.findIndex((conversation) => conversation.id === state.talk?.id);
        const next = all[Math.max(0, Math.min(all.length - 1, at + (event.key === "ArrowDown" ? 1 : -1)))];
        if (next) attempt(() => openTalk(next.id));
      }
    };
    addEventListener("keydown", keyed);
    return () => removeEventListener("keydown", keyed);
  }, []);
  return html`<nav class="side" aria-label=${t("conversations")}>
    <header class="bar">
      <${Button} kind="quiet" icon="settings" label=${t("settings")} act=${async () => openDialog("settings")} />
      <h1>Chive</h1>
      <${Button} kind="quiet" icon="lock" label=${t("lock")} act=${lockNow} />
      <${Button} kind="quiet" icon="invite" label=${t("invite")} act=${async () => openDialog("invite")} />
      <${Button} kind="quiet" icon="add" label=${t("add")} act=${async () => openDialog("add")} />
    </header>
    <div class="search"><${Icon} name="search" />
      <input ref=${search} type="search" autocomplete="off" aria-label=${t("search")} placeholder=${t("search")} value=${words}
        onInput=${(event) => setWords(event.currentTarget.value)}
        onKeyDown=${(event) => { if (event.key === "Escape") setWords(""); }} /></div>
    <${Notices} />
    ${conversations.length > 0 && html`<${Menu} items=${conversations} keyOf=${({ id }) => id} height=${ROW} label=${t("conversations")}
      draw=${(conversation, tabindex) => html`<${Row} conversation=${conversation} contact=${contactOf(conversation)} tabindex=${tabindex} />`} />`}
    ${found && html`<${Found} ...${found} words=${words} />`}
    ${conversations.length === 0 && !found && html`<${Nobody} words=${words} />`}
    <${Foot} />
  </nav>`;
}

/** What waits for an answer of ours. */
function Notices() {
  const n = state.requests?.length ?? 0;
  if (!n) return null;
  return html`<button type="button" class="notice" onClick=${() => openDialog("requests")}>
    <${Icon} name="invite" /><span>${t("requests-waiting", { n })}</span></button>`;
}

const Nobody = ({ words }) => html`<div class="empty">${words
  ? html`<p>${t("search-none")}</p>`
  : html`<p>${t("nobody")}</p>
    <${Button} kind="primary" act=${async () => openDialog("invite")}>${t("invite")}</${Button}>
    <${Button} act=${async () => openDialog("add")}>${t("add")}</${Button}>`}</div>`;

function Row({ conversation, contact, tabindex }) {
  const { id, newest: message, unread, waiting } = conversation;
  const open = state.talk?.id === id;
  const draft = open ? "" : draftOf(id);
  return html`<button type="button" class=${`who ${open ? "open" : ""}`} tabindex=${tabindex} aria-current=${open ? "true" : undefined}
      onClick=${() => attempt(() => openTalk(id))}>
    <span class="face"><${Avatar} id=${contact.id} name=${contact.name} /><${Presence} contact=${contact} /></span>
    <span class="what">
      <span class="line"><${Name}>${contact.name}</${Name}>
        ${contact.verified && html`<span class="mark" role="img" aria-label=${t("verified")}><${Icon} name="verified" /></span>`}
        ${alarmOf(contact.id) && html`<span class="alarmed" role="img" aria-label=${t("alarm")} title=${t("alarm")}><${Icon} name="warn" /></span>`}
        <span class="grow"></span>
        ${message && html`<time datetime=${isoTime(message.created_at)}>${brief(message.created_at)}</time>`}</span>
      <span class="line"><span class="last">${draft ? html`<b class="draft">${t("draft")}</b> <bdi>${oneLine(draft)}</bdi>` : html`<${Last} contact=${contact} message=${message} />`}</span>
        ${waiting > 0 && html`<span class="waits" role="img" aria-label=${t("waiting-n", { n: waiting })}><${Icon} name="clock" /></span>`}
        ${unread > 0 && html`<span class="badge"><span aria-hidden="true">${unread}</span><span class="unseen">${t("unread-n", { n: unread })}</span></span>`}</span>
    </span>
  </button>`;
}

function Last({ contact, message }) {
  if (contact.state === "requested") return html`<i>${t("asked")}</i>`;
  if (contact.state === "refused") return html`<i class="bad">${reason(contact.reason)}</i>`;
  if (!message) return html`<i>${t("no-messages")}</i>`;
  return html`${message.direction === "sent" && html`<span>${t("you")} </span>`}<bdi>${oneLine(message.text)}</bdi>`;
}

function Found({ messages = [], problem, words }) {
  const open = (message) => attempt(() => openTalk(message.conversation, message));
  return html`<section class="found" aria-label=${t("search-messages")}>
    <div role="status"><h2>${problem ? trouble(problem) : messages.length ? t("search-found", { n: messages.length }) : t("search-none")}</h2></div>
    ${messages.map((message) => html`<button type="button" key=${message.conversation + keyOf(message)} class="hit" onClick=${() => open(message)}>
      <span class="line"><${Name}>${message.conversation_name}</${Name}><span class="grow"></span><time datetime=${isoTime(message.created_at)}>${brief(message.created_at)}</time></span>
      <bdi class="last"><${Marked} text=${around(message.text, words)} words=${words} /></bdi></button>`)}
  </section>`;
}

/** The part of a text around the first of the words. */
function around(text, words) {
  const first = words.trim().split(/\s+/u)[0].toLocaleLowerCase();
  const at = text.toLocaleLowerCase().indexOf(first);
  return (at > 30 ? "…" : "") + oneLine(text.slice(Math.max(0, at - 30)), 120);
}

function Marked({ text, words }) {
  const all = words.trim().split(/\s+/u).filter(Boolean).map((word) => word.replace(/[.*+?^${}()|[\]\\]/gu, "\\$&"));
  if (!all.length) return text;
  return text.split(new RegExp(`(${all.join("|")})`, "giu")).map((part, i) => (i % 2 ? html`<mark>${part}</mark>` : part));
}

function Foot() {
  const { tor, name } = state.status;
  const words = tor.ready ? t("foot-ready") : tor.stalled ? reason(tor.stalled) : `${reason(tor.summary)}`;
  return html`<footer class="foot">
    <button type="button" class="state" onClick=${() => openDialog("status")}>
      <span class=${`dot ${tor.ready ? "online" : tor.stalled ? "offline" : "away"}`}></span>
      <span class="foot-text"><bdi>${visible(name)}</bdi><span class="hint">${words}</span></span>
      ${!tor.ready && html`<progress max="100" value=${tor.percent} aria-label=${t("tor")}></progress>`}
    </button></footer>`;
}
