// Events about messages. Pure: see reduce.js.

import {
  addMessage,
  arrivedAt,
  indexOfMessage,
  isUnread,
  keyOf,
  removeMessages,
} from "../timeline.js";
import { withEntry } from "./collections.js";
import {
  announceMessage,
  refreshContact,
  refreshConversation,
  refreshMessages,
} from "./effects.js";

export function messageCame(state, { message }) {
  const id = message.conversation;
  const conversation = state.conversations.get(id);
  const newest = conversation?.newest;
  const timeline = state.timeline?.id === id ? state.timeline : null;
  const isShown = timeline !== null && indexOfMessage(timeline, message) >= 0;
  const isNew = isUnread(message) && !isShown;
  const effects = [];
  const changes = {};

  if (conversation) {
    const changed = {
      ...conversation,
      newest: isNewest(message, newest) ? message : newest,
      unread: conversation.unread + (isNew ? 1 : 0),
    };
    changes.conversations = withEntry(state.conversations, id, changed);
  }

  if (timeline) {
    const added = addMessage(timeline, message, newest);
    changes.timeline = added.timeline;
    if (added.isIncomplete) effects.push(refreshMessages);
  }

  if (isNew) effects.push(announceMessage(message));
  effects.push(refreshConversation(id));
  // Why it waits is the contact's.
  const contact = conversation?.members[0]?.id;
  if (message.state === "queued" && state.contacts.has(contact)) {
    effects.push(refreshContact(contact));
  }
  return { changes, effects };
}

/** Whether a message is the last of its conversation, which was another one. */
function isNewest(message, newest) {
  if (newest && keyOf(newest) === keyOf(message)) return true;
  return !message.late && (!newest || arrivedAt(message) >= arrivedAt(newest));
}

export function messagesGone(state, { conversation: id, messages }) {
  const { conversations, found, timeline } = state;
  const gone = new Set(messages);
  const isLeft = (message) => message.conversation !== id || !gone.has(message.id);
  const changes = { found: keepFound(found, isLeft) };

  // Another object: what was asked for before is not how it is any more.
  const conversation = conversations.get(id);
  if (conversation) changes.conversations = withEntry(conversations, id, { ...conversation });
  if (timeline?.id === id) changes.timeline = removeMessages(timeline, messages);

  return { changes, effects: [refreshConversation(id)] };
}

/** What a search found, as far as it is still there. */
export function keepFound(found, isLeft) {
  return found?.messages ? { messages: found.messages.filter(isLeft) } : found;
}
