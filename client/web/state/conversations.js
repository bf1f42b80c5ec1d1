// Conversations: each by its id, and their order in the list.

import { ask, conversationPath, get, ignoreProblem } from "../lib/api.js";
import { applyUnlessStale } from "../lib/apply-unless-stale.js";
import { debounce } from "../lib/debounce.js";
import { compareNames } from "../lib/l10n.js";
import { computed, signal } from "../vendor/signals.js";
import { contacts, createContact } from "./contacts.js";
import { withEntry } from "./events/collections.js";
import { inOrder } from "./list-order.js";

export const conversations = signal(new Map());

/** Whom a conversation of two is with. */
export const contactOf = (conversation) => contacts.value.get(conversation?.members[0]?.id);
/** The conversation with a contact alone. */
export const conversationOf = (contact) => conversations.value.get(contact.conversation);

/** Those that are listed, the latest first. */
export const listed = computed(() => inOrder(conversations.value, contacts.value, compareNames));

export const unreadCount = computed(() =>
  [...conversations.value.values()].reduce((sum, { unread }) => sum + unread, 0),
);

const applyConversation = (id, question) =>
  applyUnlessStale(
    () => conversations.value.get(id),
    question,
    (conversation) => {
      conversations.value = withEntry(conversations.value, id, conversation);
    },
    () => refreshConversation(id),
  );

/** Asks how a conversation is, soon; nothing if it was removed until then. */
export const refreshConversation = debounce((id) => {
  if (!conversations.value.has(id)) return;
  applyConversation(id, get(conversationPath(id))).catch(ignoreProblem);
});

export const changeConversation = (id, change) =>
  applyConversation(id, ask("PATCH", conversationPath(id), change));

/** Tells the node that everything up to a message was read. */
export const markReadUpTo = (id, message) =>
  applyConversation(id, ask("POST", `${conversationPath(id)}/read`, { up_to: message }));

/** Adds somebody by a link or a handle: a contact, with the conversation. */
export async function addContact(request) {
  const contact = await createContact(request);
  const { conversation: id } = contact;
  // Events bring the conversation, too.
  const isKnown = conversations.value.has(id);
  if (!isKnown) await applyConversation(id, get(conversationPath(id))).catch(() => {});
  return contact;
}
