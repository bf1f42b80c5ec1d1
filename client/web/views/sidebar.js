// The sidebar: search and its results, requests, the list of conversations, the state of Tor.

import { Button, Icon } from "../components/button.js";
import { Avatar, Name, PresenceDot } from "../components/contact.js";
import { MenuList } from "../components/long-lists.js";
import { describeProblem, describeReason, isoTime, shortTime, t } from "../lib/l10n.js";
import { observer } from "../lib/observer.js";
import { oneLine, visible } from "../lib/text.js";
import { contactOf, listed } from "../state/conversations.js";
import { openDialog } from "../state/dialogs.js";
import { draftOf } from "../state/drafts.js";
import { openConversation, timeline } from "../state/messages.js";
import { alarmOf } from "../state/preferences.js";
import { requests } from "../state/requests.js";
import { found, matching, search, words } from "../state/search.js";
import { lockProfile } from "../state/session.js";
import { status } from "../state/status.js";
import { keyOf } from "../state/timeline.js";
import { attempt } from "../state/toasts.js";
import { html, useEffect, useRef } from "../vendor/preact.js";

const ROW_HEIGHT = 68;

export const Sidebar = observer(() => {
  const isEmpty = matching.value.length === 0;
  return html`<nav class="side" aria-label=${t("conversations")}>
    <header class="bar">
      <${Button} kind="quiet" icon="settings" label=${t("settings")}
        act=${() => openDialog("settings")} />
      <h1>Chive</h1>
      <${Button} kind="quiet" icon="lock" label=${t("lock")} act=${lockProfile} />
      <${Button} kind="quiet" icon="invite" label=${t("invite")}
        act=${() => openDialog("invite")} />
      <${Button} kind="quiet" icon="add" label=${t("add")} act=${() => openDialog("add")} />
    </header>
    <${SearchField} />
    <${RequestsNotice} />
    ${!isEmpty && html`<${ConversationList} />`}
    ${found.value && html`<${SearchResults} />`}
    ${isEmpty && !found.value && html`<${Nobody} />`}
    <${Footer} />
  </nav>`;
});

const SearchField = observer(() => {
  const field = useRef(null);
  useEffect(() => {
    const keyPressed = (event) => {
      if ((event.ctrlKey || event.metaKey) && event.key === "k") {
        event.preventDefault();
        field.current.focus();
      }
      if (event.altKey && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
        event.preventDefault();
        openNeighbour(event.key === "ArrowDown" ? 1 : -1);
      }
    };
    addEventListener("keydown", keyPressed);
    return () => removeEventListener("keydown", keyPressed);
  }, []);
  const cleared = (event) => {
    if (event.key === "Escape") search("");
  };

  return html`<div class="search">
    <${Icon} name="search" />
    <input ref=${field} type="search" autocomplete="off" aria-label=${t("search")}
      placeholder=${t("search")} value=${words.value}
      onInput=${(event) => search(event.currentTarget.value)} onKeyDown=${cleared} />
  </div>`;
});

function openNeighbour(step) {
  const all = listed.value;
  const open = all.findIndex(({ id }) => id === timeline.value?.id);
  const next = all[Math.max(0, Math.min(all.length - 1, open + step))];
  if (next) attempt(() => openConversation(next.id));
}

const RequestsNotice = observer(() => {
  const n = requests.value?.length ?? 0;
  if (!n) return null;
  return html`<button type="button" class="notice" onClick=${() => openDialog("requests")}>
    <${Icon} name="invite" /><span>${t("requests-waiting", { n })}</span>
  </button>`;
});

const Nobody = observer(() => {
  if (words.value) return html`<div class="empty"><p>${t("search-none")}</p></div>`;
  return html`<div class="empty">
    <p>${t("nobody")}</p>
    <${Button} kind="primary" act=${() => openDialog("invite")}>${t("invite")}</${Button}>
    <${Button} act=${() => openDialog("add")}>${t("add")}</${Button}>
  </div>`;
});

const ConversationList = observer(() => {
  const openId = timeline.value?.id;
  const draw = (conversation, tabindex) => html`<${ConversationRow} conversation=${conversation}
    contact=${contactOf(conversation)} isOpen=${conversation.id === openId}
    tabindex=${tabindex} />`;
  return html`<${MenuList} items=${matching.value} keyOf=${({ id }) => id} height=${ROW_HEIGHT}
    label=${t("conversations")} draw=${draw} />`;
});

const ConversationRow = observer(({ conversation, contact, isOpen, tabindex }) => {
  const { id, newest: message, unread, waiting } = conversation;
  const draft = isOpen ? "" : draftOf(id);
  const text = draft
    ? html`<b class="draft">${t("draft")}</b> <bdi>${oneLine(draft)}</bdi>`
    : html`<${LastMessage} contact=${contact} message=${message} />`;

  return html`<button type="button" class=${`who ${isOpen ? "open" : ""}`} tabindex=${tabindex}
    aria-current=${isOpen ? "true" : undefined}
    onClick=${() => attempt(() => openConversation(id))}>
    <span class="face">
      <${Avatar} id=${contact.id} name=${contact.name} />
      <${PresenceDot} contact=${contact} />
    </span>
    <span class="what">
      <span class="line">
        <${Name}>${contact.name}</${Name}>
        <${Marks} contact=${contact} />
        <span class="grow"></span>
        ${message && html`<${Time} at=${message.created_at} />`}
      </span>
      <span class="line">
        <span class="last">${text}</span>
        ${waiting > 0 && html`<${Waiting} n=${waiting} />`}
        ${unread > 0 && html`<${UnreadBadge} n=${unread} />`}
      </span>
    </span>
  </button>`;
});

const Time = observer(({ at }) => html`<time datetime=${isoTime(at)}>${shortTime(at)}</time>`);

const Marks = observer(({ contact }) => {
  const verified =
    contact.verified &&
    html`<span class="mark" role="img" aria-label=${t("verified")}>
      <${Icon} name="verified" />
    </span>`;
  const alarmed =
    alarmOf(contact.id) &&
    html`<span class="alarmed" role="img" aria-label=${t("alarm")} title=${t("alarm")}>
      <${Icon} name="warn" />
    </span>`;
  return [verified, alarmed];
});

const Waiting = ({ n }) =>
  html`<span class="waits" role="img" aria-label=${t("waiting-n", { n })}>
    <${Icon} name="clock" />
  </span>`;

const UnreadBadge = ({ n }) => html`<span class="badge">
  <span aria-hidden="true">${n}</span>
  <span class="unseen">${t("unread-n", { n })}</span>
</span>`;

function LastMessage({ contact, message }) {
  if (contact.state === "requested") return html`<i>${t("asked")}</i>`;
  if (contact.state === "refused")
    return html`<i class="bad">${describeReason(contact.reason)}</i>`;
  if (!message) return html`<i>${t("no-messages")}</i>`;
  const you = message.direction === "sent" && html`<span>${t("you")} </span>`;
  return html`${you}<bdi>${oneLine(message.text)}</bdi>`;
}

const Footer = observer(() => {
  const { tor, name } = status.value;
  const dot = tor.ready ? "online" : tor.stalled ? "offline" : "away";
  const text = tor.ready ? t("foot-ready") : describeReason(tor.stalled ?? tor.summary);
  return html`<footer class="foot">
    <button type="button" class="state" onClick=${() => openDialog("status")}>
      <span class=${`dot ${dot}`}></span>
      <span class="foot-text"><bdi>${visible(name)}</bdi><span class="hint">${text}</span></span>
      ${
        !tor.ready &&
        html`<progress max="100" value=${tor.percent} aria-label=${t("tor")}></progress>`
      }
    </button>
  </footer>`;
});

const EXCERPT = 120;
const LEAD = 30;

const SearchResults = observer(() => {
  const { messages = [], problem } = found.value ?? {};
  return html`<section class="found" aria-label=${t("search-messages")}>
    <div role="status"><h2>${title(messages, problem)}</h2></div>
    ${messages.map(
      (message) => html`<${Hit} key=${message.conversation + keyOf(message)} message=${message}
        words=${words.value} />`,
    )}
  </section>`;
});

function title(messages, problem) {
  if (problem) return describeProblem(problem);
  return messages.length ? t("search-found", { n: messages.length }) : t("search-none");
}

const Hit = observer(({ message, words }) => {
  const open = () => attempt(() => openConversation(message.conversation, message));
  const { created_at: at, text, conversation_name: name } = message;
  return html`<button type="button" class="hit" onClick=${open}>
    <span class="line">
      <${Name}>${name}</${Name}>
      <span class="grow"></span>
      <time datetime=${isoTime(at)}>${shortTime(at)}</time>
    </span>
    <bdi class="last">${markWords(excerpt(text, words), words)}</bdi>
  </button>`;
});

function excerpt(text, words) {
  const first = words.trim().split(/\s+/u)[0].toLocaleLowerCase();
  const at = text.toLocaleLowerCase().indexOf(first);
  const begin = Math.max(0, at - LEAD);
  return (begin > 0 ? "…" : "") + oneLine(text.slice(begin), EXCERPT);
}

function markWords(text, words) {
  const all = words.trim().split(/\s+/u).filter(Boolean);
  if (!all.length) return text;
  const escaped = all.map((word) => word.replace(/[.*+?^${}()|[\]\\]/gu, "\\$&"));
  const parts = text.split(new RegExp(`(${escaped.join("|")})`, "giu"));
  return parts.map((part, i) => (i % 2 ? html`<mark>${part}</mark>` : part));
}
