// The notes that the node keeps for the page: settings, alarms, and who is waited for.

import { ask, ignoreProblem } from "../lib/api.js";
import { withEntry, withoutEntry } from "../lib/collections.js";
import { signal } from "../vendor/signals.js";
import { alarmKey } from "./events.js";
import { save } from "./saving.js";

export const preferenceKey = (name) => `ui.${name}`;
const onlineAlertKey = (contact) => `ui.wanted.${contact}`;

export const notes = signal(new Map());

const putNote = (key, text) => ask("PUT", `/v1/preferences/${key}`, { text });

function showNote(key, text) {
  notes.value = text ? withEntry(notes.value, key, text) : withoutEntry(notes.value, key);
}

function setNote(key, text) {
  const read = () => notes.value.get(key) ?? "";
  return save(text, {
    read,
    show: (value) => showNote(key, value),
    put: () => putNote(key, text),
  });
}

/** Keeps a note that is shown already, and stays so also if the node refuses it. */
export const saveNote = (key, text) => putNote(key, text).catch(ignoreProblem);

export const preference = (name, otherwise = "") =>
  notes.value.get(preferenceKey(name)) ?? otherwise;
export const setPreference = (name, value) => setNote(preferenceKey(name), value);

const BRIDGES = "tor.bridges";
export const bridges = () => notes.value.get(BRIDGES) ?? "";

/** Keeps the bridges by which Tor is reached; shown once the node took them. */
export async function setBridges(lines) {
  await putNote(BRIDGES, lines);
  showNote(BRIDGES, lines);
}

/** What must not be overlooked about a contact, until it was closed. */
export const alarmOf = (contact) => notes.value.get(alarmKey(contact));
export const closeAlarm = (contact) => setNote(alarmKey(contact), "");

/** Whose online alert was given already, also where the note of it stays. */
const alerted = new Set();

/** Whether it is said, once, when a contact comes online. */
export const hasOnlineAlert = (contact) => notes.value.has(onlineAlertKey(contact));
export const isOnlineAlertDue = (contact) => hasOnlineAlert(contact) && !alerted.has(contact);

export function setOnlineAlert(contact, isWanted) {
  alerted.delete(contact);
  return setNote(onlineAlertKey(contact), isWanted ? "yes" : "");
}

export function endOnlineAlert(contact) {
  alerted.add(contact);
  setNote(onlineAlertKey(contact), "").catch(() => {});
}
