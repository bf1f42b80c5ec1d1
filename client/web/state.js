// What the page knows: read from the node, changed by its events, drawn by everything else.

import { Problem, ask, contactPath, follow, get, messagesPath, optional } from "/api.js";
import { speak } from "/l10n.js";

const PAGE = 60;

export const state = {
  /** boot, out, gone, no_profile, locked, starting, ready */
  stage: "boot",
  trouble: null,
  ui: {},
  connected: true,
  status: null,
  contacts: new Map(),
  newest: new Map(),
  notes: new Map(),
  invitations: null,
  requests: null,
  servers: null,
  handles: null,
  /** The open conversation: { id, messages, complete, loading, unreadFrom } */
  talk: null,
  alarms: new Map(),
  dialogs: [],
  toasts: [],
  version: 0,
};

const listeners = new Set();
const arrivals = new Set();
let drawing = false;
let following = null;

/** Calls back whenever something changed, once for all changes of a moment. */
export const subscribe = (listener) => registered(listeners, listener);
/** Calls back with each message that came from somebody. */
export const onArrival = (listener) => registered(arrivals, listener);

function registered(all, listener) {
  all.add(listener);
  return () => all.delete(listener);
}

/** Changes what is known, and has it drawn. */
export function set(change) {
  Object.assign(state, change);
  state.version += 1;
  if (drawing) return;
  drawing = true;
  queueMicrotask(() => {
    drawing = false;
    for (const listener of listeners) listener();
  });
}

/** What is to be kept before the profile is locked. */
export const beforeLock = new Set();

/** Forgets everything decrypted: a fresh page has nothing of the one before. */
export function forget() {
  following?.abort();
  location.reload();
}

/** Finds out how far the profile is, and reads it if it is open. */
export async function begin() {
  try {
    const ui = await get("/ui/state");
    if (ui.state === "ready") {
      state.ui = ui;
      await load();
    } else {
      set({ ui, stage: ui.state, trouble: null });
    }
  } catch (problem) {
    lost(problem);
  }
}

function lost(problem) {
  if (problem.code === "locked" || problem.status === 503) return forget();
  set({ stage: problem.status === 401 ? "out" : problem.code === "gone" ? "gone" : state.stage, trouble: problem });
}

async function load() {
  following?.abort();
  following = new AbortController();
  const status = await get("/v1/status");
  const [contacts, newest, notes, requests, servers, handles] = await Promise.all([
    get("/v1/contacts"), get("/v1/conversations"), get("/v1/notes"),
    optional("/v1/requests"), optional("/v1/servers"), optional("/v1/handles"),
  ]);
  const kept = new Map(notes.map(({ key, text }) => [key, text]));
  await speak(kept.get("ui.language"));
  set({
    stage: "ready",
    trouble: null,
    status,
    contacts: new Map(contacts.map((contact) => [contact.id, contact])),
    newest: new Map(newest.map((message) => [message.contact_id, message])),
    notes: kept, requests, servers, handles,
  });
  if (state.talk) await openTalk(state.talk.id);
  follow(status.last_event, {
    happens,
    connected: () => set({ connected: true }),
    broken: () => set({ connected: false }),
    signal: following.signal,
  }).catch((problem) => (problem.status === 410 ? begin() : lost(problem)));
}

const EVENTS = {
  message: ({ message }) => messageCame(message),
  contact: ({ contact }) => { state.contacts.set(contact.id, contact); statusSoon(); },
  contact_removed: ({ id }) => {
    state.contacts.delete(id);
    state.newest.delete(id);
    if (state.talk?.id === id) state.talk = null;
  },
  presence: ({ id, presence, source }, at) => {
    const contact = state.contacts.get(id);
    if (contact) state.contacts.set(id, { ...contact, presence, presence_source: source ?? contact.presence_source, since: at });
    contactSoon(id);
    statusSoon();
  },
  messages_gone: ({ id, messages }) => {
    const gone = new Set(messages);
    if (state.talk?.id === id) keep(state.talk.messages.filter((message) => !gone.has(message.id)));
    if (gone.has(state.newest.get(id)?.id)) newestAgain(id);
    contactSoon(id);
  },
  key_changed: ({ id }) => state.alarms.set(id, "key"),
  conversation_restarted: ({ id, by_contact }) => state.alarms.set(id, by_contact ? "restarted-theirs" : "restarted-ours"),
  invitation: ({ invitation }) => { state.invitations = replaced(state.invitations, invitation, "id"); },
  tor: ({ tor }) => { state.status = { ...state.status, tor }; },
  doors: ({ front_door, endpoint }) => { state.status = { ...state.status, front_door, endpoint }; },
  server: ({ server }) => { state.servers = replaced(state.servers, server, "address"); statusSoon(); },
  handle: ({ handle }) => { state.handles = replaced(state.handles, handle, "handle"); },
  request: ({ request }) => { state.requests = replaced(state.requests, request, "id"); statusSoon(); },
  request_gone: ({ id }) => { state.requests = state.requests?.filter((request) => request.id !== id); statusSoon(); },
};

function happens(event) {
  EVENTS[event.type]?.(event, event.at);
  set({});
}

/** A list with what an answer brought, unless events have brought it, and perhaps more, in the meantime. */
export function added(list, item, key) {
  return list.some((known) => known[key] === item[key]) ? list : [...list, item];
}

function replaced(list, item, key) {
  if (!list) return list;
  const at = list.findIndex((known) => known[key] === item[key]);
  return at < 0 ? [...list, item] : list.with(at, item);
}

function messageCame(message) {
  const id = message.contact_id;
  const known = state.newest.get(id);
  const talk = state.talk?.id === id ? state.talk : null;
  const at = talk ? talk.messages.findLastIndex((shown) => shown.id === message.id) : -1;
  if (at >= 0) talk.messages[at] = message;
  const isNew = message.direction === "received" && message.read_at === undefined && at < 0;
  if (!known || known.id === message.id || message.created_at >= known.created_at || message.direction === "received") {
    if (!message.late || known?.id === message.id) state.newest.set(id, message);
  }
  if (talk && at < 0) {
    if (message.late && !talk.loading) reloadTalk();
    else if (isNew || message.state === "queued" || message.created_at >= ((talk.messages.at(-1) ?? known)?.created_at ?? 0)) talk.messages.push(message);
  }
  if (isNew) {
    const contact = state.contacts.get(id);
    if (contact) state.contacts.set(id, { ...contact, unread: contact.unread + 1 });
    for (const arrival of arrivals) arrival(message);
  }
  contactSoon(id);
}

const due = new Map();

/** Once, soon, however often it is asked for. */
function soon(name, work) {
  if (due.has(name)) return;
  due.set(name, setTimeout(async () => {
    due.delete(name);
    await work().catch((problem) => { if (!(problem instanceof Problem)) throw problem; });
  }, 120));
}

/** Asks anew how somebody is. */
export const contactSoon = (id) => soon(id, async () => {
  if (!state.contacts.has(id)) return;
  const contact = await get(contactPath(id));
  state.contacts.set(id, contact);
  set({});
});
const statusSoon = () => soon("status", async () => set({ status: await get("/v1/status") }));
const newestAgain = (id) => soon(`newest-${id}`, async () => {
  const [message] = await get(`${messagesPath(id)}?limit=1`);
  if (message) state.newest.set(id, message);
  else state.newest.delete(id);
  set({});
});

const keep = (messages) => { state.talk = { ...state.talk, messages }; };

/** Opens the conversation with somebody, or none. */
export async function openTalk(id) {
  if (!id) return set({ talk: null });
  const contact = state.contacts.get(id);
  const talk = { id, messages: [], complete: false, loading: true, unread: contact?.unread ?? 0 };
  set({ talk });
  const messages = await get(`${messagesPath(id)}?limit=${Math.max(PAGE, Math.min(1000, talk.unread + 10))}`);
  if (state.talk?.id !== id || !state.talk.loading) return;
  contactSoon(id);
  set({ talk: { ...state.talk, messages: joined(messages, state.talk.messages), complete: messages.length < PAGE, loading: false } });
}

/** What was read, and what came while it was. */
function joined(read, came) {
  const known = new Set(read.map(({ id, direction }) => direction + id));
  return [...read, ...came.filter(({ id, direction }) => !known.has(direction + id))];
}

async function reloadTalk() {
  const { talk } = state;
  const before = new Set(talk.messages);
  const messages = await get(`${messagesPath(talk.id)}?limit=${Math.min(1000, Math.max(PAGE, talk.messages.length))}`);
  if (state.talk?.id !== talk.id) return;
  const came = state.talk.messages.filter((message) => !before.has(message) && !message.late);
  set({ talk: { ...state.talk, messages: joined(messages, came) } });
}

/** Reads what came before. */
export async function older(limit = 200) {
  const { talk } = state;
  if (!talk || talk.complete || talk.loading || !talk.messages.length) return;
  talk.loading = true;
  try {
    const page = await get(`${messagesPath(talk.id)}?limit=${limit}&before=${talk.messages[0].id}`);
    if (state.talk?.id === talk.id) {
      set({ talk: { ...state.talk, messages: [...page, ...state.talk.messages], complete: page.length < limit, loading: false } });
    }
  } finally {
    if (state.talk?.id === talk.id) state.talk.loading = false;
  }
}

/** Reads until a message is there, such as one that was searched for. */
export async function until(id) {
  while (state.talk && !state.talk.complete && !state.talk.messages.some((message) => message.id === id)) {
    // Somebody who scrolls is reading already.
    if (state.talk.loading) await new Promise((done) => setTimeout(done, 20));
    else await older(1000);
  }
}

/** Says that what is shown was read. */
export async function readAll(id) {
  const contact = state.contacts.get(id);
  const last = state.talk?.messages.findLast((message) => message.direction === "received");
  if (!contact?.unread || !last) return;
  state.contacts.set(id, { ...contact, unread: 0 });
  const now = await ask("POST", `${contactPath(id)}/read`, { up_to: last.id });
  state.contacts.set(id, now);
  set({});
}

/** Keeps a note in the profile; an empty one goes. */
export async function note(key, text, options) {
  if (text) state.notes.set(key, text);
  else state.notes.delete(key);
  set({});
  await ask("PUT", `/v1/notes/${key}`, { text }, options);
}

export const setting = (name, otherwise = "") => state.notes.get(`ui.${name}`) ?? otherwise;

export function openDialog(name, values = {}) {
  set({ dialogs: [...state.dialogs, { name, values, key: Math.random() }] });
}
export const closeDialog = () => set({ dialogs: state.dialogs.slice(0, -1) });

/** A short word on what was done, or was not. */
export function toast(text, kind = "done") {
  const made = { text, kind, key: Math.random() };
  set({ toasts: [...state.toasts, made] });
  setTimeout(() => set({ toasts: state.toasts.filter((toast) => toast !== made) }), kind === "done" ? 3500 : 8000);
}
