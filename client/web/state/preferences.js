// The preferences that the node stores for the page: settings, alarms, online alerts, Tor bridges.

import { ask, ignoreProblem } from "../lib/api.js";
import { withEntry, withoutEntry } from "../lib/collections.js";
import { signal } from "../vendor/signals.js";
import { alarmKey } from "./events.js";
import { save } from "./saving.js";

export const preferenceKey = (name) => `ui.${name}`;
const onlineAlertKey = (contact) => `ui.wanted.${contact}`;

export const preferences = signal(new Map());

const putPreference = (key, text) => ask("PUT", `/v1/preferences/${key}`, { text });

function showPreference(key, text) {
  preferences.value = text
    ? withEntry(preferences.value, key, text)
    : withoutEntry(preferences.value, key);
}

function setPreferenceByKey(key, text) {
  const read = () => preferences.value.get(key) ?? "";
  return save(text, {
    read,
    show: (value) => showPreference(key, value),
    put: () => putPreference(key, text),
  });
}

/** Saves a preference that is shown already, and stays so also if the node refuses it. */
export const savePreference = (key, text) => putPreference(key, text).catch(ignoreProblem);

export const preference = (name, otherwise = "") =>
  preferences.value.get(preferenceKey(name)) ?? otherwise;
export const setPreference = (name, value) => setPreferenceByKey(preferenceKey(name), value);

const BRIDGES = "tor.bridges";
export const bridges = () => preferences.value.get(BRIDGES) ?? "";

/** Keeps the bridges by which Tor is reached; shown once the node took them. */
export async function setBridges(lines) {
  await putPreference(BRIDGES, lines);
  showPreference(BRIDGES, lines);
}

/** What must not be overlooked about a contact, until it was closed. */
export const alarmOf = (contact) => preferences.value.get(alarmKey(contact));
export const closeAlarm = (contact) => setPreferenceByKey(alarmKey(contact), "");

/** Whose online alert was given already, also if its preference stays. */
const alerted = new Set();

/** Whether it is said, once, when a contact comes online. */
export const hasOnlineAlert = (contact) => preferences.value.has(onlineAlertKey(contact));
export const isOnlineAlertDue = (contact) => hasOnlineAlert(contact) && !alerted.has(contact);

export function setOnlineAlert(contact, isWanted) {
  alerted.delete(contact);
  return setPreferenceByKey(onlineAlertKey(contact), isWanted ? "yes" : "");
}

export function endOnlineAlert(contact) {
  alerted.add(contact);
  setPreferenceByKey(onlineAlertKey(contact), "").catch(() => {});
}
