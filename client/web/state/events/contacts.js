// Events about contacts and their conversations. Pure: see reduce.js.

import { alarmKey } from "../note-keys.js";
import { withEntry, withoutEntry } from "./collections.js";
import { refreshContact, refreshStatus, saveNote } from "./effects.js";
import { keepFound } from "./messages.js";

export function contactChanged({ contacts }, { contact }) {
  return {
    changes: { contacts: withEntry(contacts, contact.id, contact) },
    effects: [refreshStatus],
  };
}

export function conversationChanged({ conversations }, { conversation }) {
  return { changes: { conversations: withEntry(conversations, conversation.id, conversation) } };
}

/** Forgets a contact, and the conversation with them. */
export function contactRemoved(state, { id, conversation }) {
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

export function presenceChanged({ contacts }, { id, presence, source, at }) {
  const contact = contacts.get(id);
  const effects = [refreshContact(id), refreshStatus];
  if (!contact) return { effects };

  const presence_source = source ?? contact.presence_source;
  const changed = { ...contact, presence, presence_source, since: at };
  return { changes: { contacts: withEntry(contacts, id, changed) }, effects };
}

export function keyChanged(state, { id }) {
  return raiseAlarm(state, id, "key");
}

export function conversationRestarted(state, { id, by_contact: byContact }) {
  return raiseAlarm(state, id, byContact ? "restarted-theirs" : "restarted-ours");
}

/** Notes what must not be overlooked about a contact, until somebody closes it. */
function raiseAlarm({ notes }, id, kind) {
  const key = alarmKey(id);
  // Nothing is worse than a key that does not fit.
  if (notes.get(key) === "key") return {};
  return { changes: { notes: withEntry(notes, key, kind) }, effects: [saveNote(key, kind)] };
}
