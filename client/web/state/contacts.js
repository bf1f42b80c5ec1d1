// People: each contact by its id.

import { ask, contactPath, get, ignoreProblem } from "../lib/api.js";
import { applyUnlessStale } from "../lib/apply-unless-stale.js";
import { debounce } from "../lib/debounce.js";
import { signal } from "../vendor/signals.js";
import { withEntry } from "./events/collections.js";

export const contacts = signal(new Map());

const applyContact = (id, question) =>
  applyUnlessStale(
    () => contacts.value.get(id),
    question,
    (contact) => {
      contacts.value = withEntry(contacts.value, id, contact);
    },
    () => refreshContact(id),
  );

/** Asks how a contact is, soon; nothing if it was removed until then. */
export const refreshContact = debounce((id) => {
  if (contacts.value.has(id)) applyContact(id, get(contactPath(id))).catch(ignoreProblem);
});

export const changeContact = (id, change) =>
  applyContact(id, ask("PATCH", contactPath(id), change));

/** Makes a contact of a link or a handle; events may have brought it, and perhaps more, before. */
export async function createContact(request) {
  const contact = await ask("POST", "/v1/contacts", request);
  if (!contacts.value.has(contact.id)) {
    contacts.value = withEntry(contacts.value, contact.id, contact);
  }
  return contact;
}

/** Has the node forget a contact and the conversation with them. */
export const deleteContact = (id) => ask("DELETE", contactPath(id));

/** Why messages to a contact wait, as it is now. */
export const reasonOf = async (id) => (await get(contactPath(id))).reason;
