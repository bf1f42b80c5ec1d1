// Reducer of the node's events: `(state, event) → { state, effects }`. It neither asks the node nor
// touches the page. The state has all subjects as values, which are replaced and never changed in
// place. Effects name what has to be done afterwards; sync.js does it.

import { withEntry, withItem, withoutEntry } from "../lib/collections.js";
import {
  addMessage,
  arrivedAt,
  indexOfMessage,
  isUnread,
  keyOf,
  removeMessages,
} from "./timeline.js";

const refreshStatus = { type: "refresh_status" };
const refreshMessages = { type: "refresh_messages" };
const refreshContact = (id) => ({ type: "refresh_contact", id });
const refreshConversation = (id) => ({ type: "refresh_conversation", id });
const announceMessage = (message) => ({ type: "announce_message", message });
const savePreference = (key, text) => ({ type: "save_preference", key, text });

const REDUCERS = {
  message: messageCame,
  messages_gone: messagesGone,
  contact: contactChanged,
  conversation: conversationChanged,
  contact_removed: contactRemoved,
  presence: presenceChanged,
  key_changed: keyChanged,
  conversation_restarted: conversationRestarted,
  tor: torChanged,
  doors: servicesChanged,
  server: serverChanged,
  handle: handleChanged,
  invitation: invitationChanged,
  request: requestCame,
  request_gone: requestGone,
};

/** Events of later versions change nothing here. */
export function reduce(state, event) {
  const { changes = {}, effects = [] } = REDUCERS[event.type]?.(state, event) ?? {};
  return { state: { ...state, ...changes }, effects };
}

function messageCame(state, { message }) {
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

function messagesGone(state, { conversation: id, messages }) {
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

function keepFound(found, isLeft) {
  return found?.messages ? { messages: found.messages.filter(isLeft) } : found;
}

function contactChanged({ contacts }, { contact }) {
  return {
    changes: { contacts: withEntry(contacts, contact.id, contact) },
    effects: [refreshStatus],
  };
}

function conversationChanged({ conversations }, { conversation }) {
  return { changes: { conversations: withEntry(conversations, conversation.id, conversation) } };
}

function contactRemoved(state, { id, conversation }) {
  const isElsewhere = (message) => message.conversation !== conversation;
  return {
    changes: {
      contacts: withoutEntry(state.contacts, id),
      conversations: withoutEntry(state.conversations, conversation),
      drafts: withoutEntry(state.drafts, conversation),
      dialogs: state.dialogs.filter(({ values }) => values.id !== id),
      found: keepFound(state.found, isElsewhere),
      timeline: state.timeline?.id === conversation ? null : state.timeline,
    },
  };
}

function presenceChanged({ contacts }, { id, presence, source, at }) {
  const contact = contacts.get(id);
  const effects = [refreshContact(id), refreshStatus];
  if (!contact) return { effects };

  const presence_source = source ?? contact.presence_source;
  const changed = { ...contact, presence, presence_source, since: at };
  return { changes: { contacts: withEntry(contacts, id, changed) }, effects };
}

function keyChanged(state, { id }) {
  return raiseAlarm(state, id, "key");
}

function conversationRestarted(state, { id, by_contact: byContact }) {
  return raiseAlarm(state, id, byContact ? "restarted-theirs" : "restarted-ours");
}

/** The preference that keeps an alarm about a contact, until somebody closes it. */
export const alarmKey = (contact) => `ui.alarm.${contact}`;

function raiseAlarm({ preferences }, id, kind) {
  const key = alarmKey(id);
  // Nothing is worse than a key that does not fit.
  if (preferences.get(key) === "key") return {};
  return {
    changes: { preferences: withEntry(preferences, key, kind) },
    effects: [savePreference(key, kind)],
  };
}

function torChanged({ status }, { tor }) {
  return { changes: { status: { ...status, tor } } };
}

function servicesChanged({ status }, { front_door, endpoint }) {
  return { changes: { status: { ...status, front_door, endpoint } } };
}

function serverChanged({ servers }, { server }) {
  return { changes: { servers: withItem(servers, server, "address") }, effects: [refreshStatus] };
}

function handleChanged({ handles }, { handle }) {
  return { changes: { handles: withItem(handles, handle, "handle") } };
}

/** Events tell of invitations without their links. */
function invitationChanged({ invitations }, { invitation }) {
  const link = invitations?.find(({ id }) => id === invitation.id)?.link;
  return { changes: { invitations: withItem(invitations, { link, ...invitation }, "id") } };
}

function requestCame({ requests }, { request }) {
  return { changes: { requests: withItem(requests, request, "id") }, effects: [refreshStatus] };
}

function requestGone({ requests }, { id }) {
  const left = requests?.filter((request) => request.id !== id);
  return { changes: { requests: left ?? requests }, effects: [refreshStatus] };
}
