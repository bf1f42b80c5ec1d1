// The messages that a search found, each with the part in which its words are.

import { Name } from "../components/contact.js";
import { isoTime, shortTime, t } from "../lib/l10n.js";
import { observer } from "../lib/observer.js";
import { trouble } from "../lib/reasons.js";
import { oneLine } from "../lib/text.js";
import { openConversation } from "../state/messages.js";
import { found, words } from "../state/search.js";
import { keyOf } from "../state/timeline.js";
import { attempt } from "../state/toasts.js";
import { html } from "../vendor/preact.js";

/** How much of a text is shown, and how much of it before the first word. */
const EXCERPT = 120;
const LEAD = 30;

export const SearchResults = observer(() => {
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
  if (problem) return trouble(problem);
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

/** The part of a text around the first of the words. */
function excerpt(text, words) {
  const first = words.trim().split(/\s+/u)[0].toLocaleLowerCase();
  const at = text.toLocaleLowerCase().indexOf(first);
  const begin = Math.max(0, at - LEAD);
  return (begin > 0 ? "…" : "") + oneLine(text.slice(begin), EXCERPT);
}

/** A text in which the words are marked. */
function markWords(text, words) {
  const all = words.trim().split(/\s+/u).filter(Boolean);
  if (!all.length) return text;
  const escaped = all.map((word) => word.replace(/[.*+?^${}()|[\]\\]/gu, "\\$&"));
  const parts = text.split(new RegExp(`(${escaped.join("|")})`, "giu"));
  return parts.map((part, i) => (i % 2 ? html`<mark>${part}</mark>` : part));
}
