// Reads the whole state from the node, then follows the node's events and applies them to it.

import { get, getOptional } from "../lib/api.js";
import { setLanguage } from "../lib/l10n.js";
import { followEvents } from "../lib/shared-events.js";
import { batch } from "../vendor/signals.js";
import { contacts, refreshContact } from "./contacts.js";
import { conversations, refreshConversation } from "./conversations.js";
import { dialogs, openDialog } from "./dialogs.js";
import { drafts } from "./drafts.js";
import { reduce } from "./events.js";
import { handles } from "./handles.js";
import { invitations } from "./invitations.js";
import { announceArrival, openConversation, refreshMessages, timeline } from "./messages.js";
import { preferenceKey, preferences, savePreference } from "./preferences.js";
import { requests } from "./requests.js";
import { found } from "./search.js";
import { servers } from "./servers.js";
import {
  consumeNewProfile,
  forgetEverything,
  isConnected,
  isHost,
  lastError,
  stage,
} from "./session.js";
import { refreshStatus, status } from "./status.js";

const SUBJECTS = {
  contacts,
  conversations,
  dialogs,
  drafts,
  found,
  handles,
  invitations,
  preferences,
  requests,
  servers,
  status,
  timeline,
};

const EFFECTS = {
  refresh_status: () => refreshStatus(),
  refresh_contact: ({ id }) => refreshContact(id),
  refresh_conversation: ({ id }) => refreshConversation(id),
  refresh_messages: () => refreshMessages(),
  announce_message: ({ message }) => announceArrival(message),
  save_preference: ({ key, text }) => savePreference(key, text),
};

/** Changes the state as an event says, and does what it asks for. */
export function applyEvent(event) {
  const before = Object.entries(SUBJECTS).map(([name, subject]) => [name, subject.peek()]);
  const { state, effects } = reduce(Object.fromEntries(before), event);
  batch(() => {
    for (const [name, subject] of Object.entries(SUBJECTS)) subject.value = state[name];
  });
  for (const effect of effects) EFFECTS[effect.type](effect);
}

/** Finds out how far the profile is, and reads it if it is open. */
export async function connect() {
  try {
    const ui = await get("/ui/state");
    isHost.value = ui.host;
    if (ui.state === "ready") await load();
    else showStage(ui.state);
  } catch (problem) {
    disconnect(problem);
  }
}

function showStage(name, why = null) {
  batch(() => {
    stage.value = name;
    lastError.value = why;
  });
}

function disconnect(problem) {
  if (problem.code === "locked" || problem.status === 503) forgetEverything();
  // Whatever it is: where it says that Chive is gone, it looks again.
  else showStage(problem.status === 401 ? "out" : "gone", problem);
}

let following = new AbortController();

async function load() {
  following.abort();
  following = new AbortController();
  const { signal } = following;

  const current = await get("/v1/status");
  const [contactList, conversationList, preferenceList, requestList, serverList, handleList] =
    await Promise.all([
      get("/v1/contacts"),
      get("/v1/conversations"),
      get("/v1/preferences"),
      getOptional("/v1/requests"),
      getOptional("/v1/servers"),
      getOptional("/v1/handles"),
    ]);
  const preferenceTexts = new Map(preferenceList.map(({ key, text }) => [key, text]));
  await setLanguage(preferenceTexts.get(preferenceKey("language")));
  // Only the newest reading counts: two would both follow.
  if (signal.aborted) return;

  batch(() => {
    status.value = current;
    contacts.value = new Map(contactList.map((contact) => [contact.id, contact]));
    conversations.value = new Map(
      conversationList.map((conversation) => [conversation.id, conversation]),
    );
    drafts.value = new Map(conversationList.map(({ id, draft = "" }) => [id, draft]));
    preferences.value = preferenceTexts;
    requests.value = requestList;
    servers.value = serverList;
    handles.value = handleList;
    isConnected.value = true;
    showStage("ready");
  });

  if (consumeNewProfile()) openDialog("invite");
  if (timeline.value) await openConversation(timeline.value.id);
  if (!signal.aborted) follow(current.last_event, signal);
}

function follow(after, signal) {
  const listener = {
    signal,
    onEvent: applyEvent,
    onConnected: (isOpen) => {
      isConnected.value = isOpen;
    },
  };
  followEvents(after, listener).catch((problem) => {
    // Events that are gone are not missed by who reads everything again.
    if (problem.status === 410) connect();
    else disconnect(problem);
  });
}
