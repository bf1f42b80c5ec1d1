// All contacts by id: creates, changes and deletes them.

import { answersById } from "../lib/answers.js";
import { ask, contactPath, get } from "../lib/api.js";
import { withEntry } from "../lib/collections.js";
import { signal } from "../vendor/signals.js";

export const contacts = signal(new Map());

const { apply: applyContact, refresh: refreshContact } = answersById(contacts, contactPath);

export { refreshContact };

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

export const deleteContact = (id) => ask("DELETE", contactPath(id));

export const reasonOf = async (id) => (await get(contactPath(id))).reason;
