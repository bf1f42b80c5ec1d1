// What an event changes: `(state, event) → { state, effects }`. Nothing here asks the node or
// touches the page; effects name what has to be done afterwards, and state/effects.js does it.
//
// The state has all subjects as plain values, and a value is replaced and never changed in place.

import * as contacts from "./contacts.js";
import * as messages from "./messages.js";
import * as node from "./node.js";

const REDUCERS = {
  message: messages.messageCame,
  messages_gone: messages.messagesGone,
  contact: contacts.contactChanged,
  conversation: contacts.conversationChanged,
  contact_removed: contacts.contactRemoved,
  presence: contacts.presenceChanged,
  key_changed: contacts.keyChanged,
  conversation_restarted: contacts.conversationRestarted,
  tor: node.torChanged,
  doors: node.doorsChanged,
  server: node.serverChanged,
  handle: node.handleChanged,
  invitation: node.invitationChanged,
  request: node.requestCame,
  request_gone: node.requestGone,
};

/** Events of later versions change nothing here. */
export function reduce(state, event) {
  const { changes = {}, effects = [] } = REDUCERS[event.type]?.(state, event) ?? {};
  return { state: { ...state, ...changes }, effects };
}
