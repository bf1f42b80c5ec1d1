// All conversations by id, and their order in the list.

import { answersById } from "../lib/answers.js";
import { ask, conversationPath, get } from "../lib/api.js";
import { compareNames } from "../lib/l10n.js";
import { computed, signal } from "../vendor/signals.js";
import { contacts, createContact } from "./contacts.js";
import { arrivedAt } from "./timeline.js";

export const conversations = signal(new Map());

export const contactOf = (conversation) => contacts.value.get(conversation?.members[0]?.id);
export const conversationOf = (contact) => conversations.value.get(contact.conversation);

export const listed = computed(() => inOrder(conversations.value, contacts.value, compareNames));

export const unreadCount = computed(() =>
  [...conversations.value.values()].reduce((sum, { unread }) => sum + unread, 0),
);

const { apply: applyConversation, refresh: refreshConversation } = answersById(
  conversations,
  conversationPath,
);

export { refreshConversation };

export const changeConversation = (id, change) =>
  applyConversation(id, ask("PATCH", conversationPath(id), change));

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

/** Those in which something was said last come first; none with people who are blocked. */
export function inOrder(conversations, contacts, compareNames) {
  const isListed = ({ members }) =>
    (contacts.get(members[0]?.id)?.state ?? "blocked") !== "blocked";
  const all = [...conversations.values()].filter(isListed);
  const latest = ({ newest, created_at: began }) => Math.max(newest ? arrivedAt(newest) : 0, began);
  return all.sort(
    (one, other) => latest(other) - latest(one) || compareNames(one.name, other.name),
  );
}
