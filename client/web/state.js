// What the page knows: read from the node, changed by its events, drawn by everything else.

import { Problem, ask, contactPath, conversationPath, follow, get, messagesPath, optional } from "/api.js";
import { speak, t } from "/l10n.js";

/** How many messages are read at once: at first, and at most. */
const PAGE = 60;
const MOST = 1000;

export const state = {
  /** boot, out, gone, no_profile, locked, starting, ready */
  stage: "boot",
  trouble: null,
  /** Whether the profile was made just now: who begins has nobody yet, and something to give away. */
  isNew: false,
  ui: {},
  connected: true,
  status: null,
  contacts: new Map(),
  conversations: new Map(),
  /** What was typed here and not sent, as far as the node has it. What another window types is not known here. */
  drafts: new Map(),
  notes: new Map(),
  invitations: null,
  requests: null,
  servers: null,
  handles: null,
  /** The messages that were searched for: { messages } or { problem }. */
  found: null,
  /** The open conversation: see `openTalk`. */
  talk: null,
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
  // Whatever it is: where it says that Chive is gone, it looks again.
  set({ stage: problem.status === 401 ? "out" : "gone", trouble: problem });
}

async function load() {
  following?.abort();
  const mine = new AbortController();
  following = mine;
  const status = await get("/v1/status");
  const [contacts, conversations, notes, requests, servers, handles] = await Promise.all([
    get("/v1/contacts"), get("/v1/conversations"), get("/v1/notes"),
    optional("/v1/requests"), optional("/v1/servers"), optional("/v1/handles"),
  ]);
  const kept = new Map(notes.map(({ key, text }) => [key, text]));
  await speak(kept.get("ui.language"));
  // Only the newest reading counts: two would both follow.
  if (mine.signal.aborted) return;
  set({
    stage: "ready",
    trouble: null,
    status,
    contacts: new Map(contacts.map((contact) => [contact.id, contact])),
    conversations: new Map(conversations.map((conversation) => [conversation.id, conversation])),
    drafts: new Map(conversations.map(({ id, draft = "" }) => [id, draft])),
    notes: kept, requests, servers, handles,
  });
  if (state.isNew) {
    state.isNew = false;
    openDialog("invite");
  }
  if (state.talk) await openTalk(state.talk.id);
  if (mine.signal.aborted) return;
  follow(status.last_event, {
    happens,
    connected: () => set({ connected: true }),
    broken: () => set({ connected: false }),
    signal: mine.signal,
  }).catch((problem) => (problem.status === 410 ? begin() : lost(problem)));
}

/** By what events tell of: how often they have. */
const told = new Map();
const tell = (thing) => told.set(thing, (told.get(thing) ?? 0) + 1);

/** Whether no event has told of something since now: what was asked for before one did is not what is known any more. */
function asOfNow(thing) {
  const now = told.get(thing);
  return () => told.get(thing) === now;
}

/** Puts an answer where what is known is kept, unless an event has told of it since: then it is asked for again. */
async function take(thing, question, put, again) {
  const current = asOfNow(thing);
  const answer = await question;
  if (!current()) return again();
  put(answer);
  set({});
}

/** Takes somebody as an answer shows them. */
export const takeContact = (id, question) => take(id, question, (contact) => state.contacts.set(id, contact), () => contactSoon(id));
/** Takes a conversation as an answer shows it. */
export const takeConversation = (id, question) => take(id, question, (conversation) => state.conversations.set(id, conversation), () => conversationSoon(id));
/** Takes how all is. */
export const takeStatus = (question) => take("status", question, (status) => { state.status = status; }, statusSoon);

/** Whom a conversation of two is with. */
export const contactOf = (conversation) => state.contacts.get(conversation?.members[0]?.id);
/** The conversation with somebody alone. */
export const conversationOf = (contact) => state.conversations.get(contact.conversation);

/** Takes somebody new, with the conversation, unless events have brought them, and perhaps more, in the meantime. */
export async function contactAdded(contact) {
  if (!state.contacts.has(contact.id)) state.contacts.set(contact.id, contact);
  if (!conversationOf(contact)) await takeConversation(contact.conversation, get(conversationPath(contact.conversation)));
}

/** Asks for the invitations there are. */
export async function readInvitations() {
  await take("invitations", get("/v1/invitations"), (invitations) => { state.invitations = invitations; }, readInvitations);
}

const EVENTS = {
  message: ({ message }) => messageCame(message),
  contact: ({ contact }) => {
    tell(contact.id);
    state.contacts.set(contact.id, contact);
    statusSoon();
  },
  conversation: ({ conversation }) => {
    tell(conversation.id);
    state.conversations.set(conversation.id, conversation);
  },
  contact_removed: ({ id, conversation }) => removed(id, conversation),
  presence: ({ id, presence, source }, at) => {
    tell(id);
    const contact = state.contacts.get(id);
    if (contact) state.contacts.set(id, { ...contact, presence, presence_source: source ?? contact.presence_source, since: at });
    contactSoon(id);
    statusSoon();
  },
  messages_gone: ({ conversation: id, messages }) => {
    tell(id);
    const gone = new Set(messages);
    if (state.talk?.id === id) {
      for (const key of messages.flatMap((message) => [`sent${message}`, `received${message}`])) state.talk.reading?.set(key, null);
      state.talk = { ...state.talk, messages: state.talk.messages.filter((message) => !gone.has(message.id)) };
    }
    keepFound((message) => message.conversation !== id || !gone.has(message.id));
    conversationSoon(id);
  },
  key_changed: ({ id }) => alarm(id, "key"),
  conversation_restarted: ({ id, by_contact }) => alarm(id, by_contact ? "restarted-theirs" : "restarted-ours"),
  invitation: ({ invitation }) => {
    tell("invitations");
    // What events tell of has no link.
    const known = state.invitations?.find(({ id }) => id === invitation.id);
    state.invitations = replaced(state.invitations, { link: known?.link, ...invitation }, "id");
  },
  tor: ({ tor }) => {
    tell("status");
    state.status = { ...state.status, tor };
  },
  doors: ({ front_door, endpoint }) => {
    tell("status");
    state.status = { ...state.status, front_door, endpoint };
  },
  server: ({ server }) => { state.servers = replaced(state.servers, server, "address"); statusSoon(); },
  handle: ({ handle }) => { state.handles = replaced(state.handles, handle, "handle"); },
  request: ({ request }) => { state.requests = replaced(state.requests, request, "id"); statusSoon(); },
  request_gone: ({ id }) => { state.requests = state.requests?.filter((request) => request.id !== id); statusSoon(); },
};

function happens(event) {
  EVENTS[event.type]?.(event, event.at);
  set({});
}

/** Forgets somebody, and the conversation with them. */
export function removed(id, conversation) {
  tell(id);
  tell(conversation);
  state.contacts.delete(id);
  state.conversations.delete(conversation);
  state.drafts.delete(conversation);
  if (state.talk?.id === conversation) state.talk = null;
  keepFound((message) => message.conversation !== conversation);
  set({ dialogs: state.dialogs.filter(({ values }) => values.id !== id) });
}

function keepFound(fits) {
  if (state.found?.messages) state.found = { messages: state.found.messages.filter(fits) };
}

const alarmNote = (id) => `ui.alarm.${id}`;
/** What must not be overlooked about somebody, until it was closed. */
export const alarmOf = (id) => state.notes.get(alarmNote(id));
export const closeAlarm = (id) => note(alarmNote(id), "");

function alarm(id, kind) {
  // Nothing is worse than a key that does not fit.
  if (alarmOf(id) === "key") return;
  note(alarmNote(id), kind).catch(() => set({ notes: state.notes.set(alarmNote(id), kind) }));
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

/** When a message came, or was written, here: by the clock of this machine, not that of whoever wrote it. */
export const arrivedAt = (message) => (message.direction === "received" ? message.delivered_at : message.created_at) ?? 0;

/** Whether a message that is not shown has its place among those that are. */
const belongs = (message, { messages, complete }) => complete || !messages.length || arrivedAt(message) >= arrivedAt(messages[0]);

function messageCame(message) {
  const id = message.conversation;
  tell(id);
  const conversation = state.conversations.get(id);
  const known = conversation?.newest;
  const talk = state.talk?.id === id ? state.talk : null;
  const at = talk ? talk.messages.findLastIndex((shown) => keyOf(shown) === keyOf(message)) : -1;
  if (at >= 0) talk.messages[at] = message;
  talk?.reading?.set(keyOf(message), message);
  const isNew = message.direction === "received" && message.read_at === undefined && at < 0;
  const isKnown = known && keyOf(known) === keyOf(message);
  if (isKnown || (!message.late && (!known || arrivedAt(message) >= arrivedAt(known)))) changeConversation(id, { newest: message });
  if (talk && at < 0) {
    // What we write after all else has its place at the end, and what comes, unless it is late or fills a gap.
    const end = talk.messages.at(-1) ?? known ?? message;
    const isLast = message.direction === "sent"
      ? arrivedAt(message) >= arrivedAt(end)
      : isNew && !message.late && !talk.messages.some((shown) => shown.missing_before > 0);
    if (isLast) talk.messages.push(message);
    else if (belongs(message, talk)) reread().catch(onlyProblems);
  }
  if (isNew) {
    if (conversation) changeConversation(id, { unread: conversation.unread + 1 });
    for (const arrival of arrivals) arrival(message);
  }
  conversationSoon(id);
  const contact = contactOf(conversation);
  // Why it waits is the contact's.
  if (contact && message.state === "queued") contactSoon(contact.id);
}

function changeConversation(id, what) {
  const conversation = state.conversations.get(id);
  if (conversation) state.conversations.set(id, { ...conversation, ...what });
}

const due = new Map();

/** What the node refuses is said elsewhere, or comes to nothing. */
function onlyProblems(problem) {
  if (!(problem instanceof Problem)) throw problem;
}

/** Once, soon, however often it is asked for. */
function soon(name, work) {
  if (due.has(name)) return;
  due.set(name, setTimeout(() => {
    due.delete(name);
    work().catch(onlyProblems);
  }, 120));
}

/** Asks for a contact's current state. */
export const contactSoon = (id) => soon(id, async () => {
  if (state.contacts.has(id)) await takeContact(id, get(contactPath(id)));
});
const statusSoon = () => soon("status", () => takeStatus(get("/v1/status")));
/** Asks for a conversation's current state. */
const conversationSoon = (id) => soon(id, async () => {
  if (state.conversations.has(id)) await takeConversation(id, get(conversationPath(id)));
});

/** What a message is known by: both sides choose ids. */
export const keyOf = (message) => message.direction + message.id;

/** Whether the conversation that is open now still is, and was not opened anew. */
function asOpened() {
  const { readUpTo } = state.talk;
  return () => state.talk?.readUpTo === readUpTo;
}

/**
 * Opens a conversation, or none; at a message, if one is given. `reading`: see `read`.
 * `readUpTo`: up to which messages the node was told that all were read. `goTo` and `unreadFrom` are keys.
 */
export async function openTalk(id, message) {
  if (!id) return set({ talk: null });
  const unread = state.conversations.get(id)?.unread ?? 0;
  set({ talk: { id, messages: [], complete: false, reading: null, readUpTo: new Set(), unread, unreadFrom: null, goTo: null } });
  const isOpen = asOpened();
  try {
    await read(Math.max(PAGE, Math.min(MOST, unread + 10)), "", withWhatCame);
  } catch (problem) {
    // Nothing is known of it, not even that nothing was said.
    if (isOpen()) set({ talk: null });
    throw problem;
  }
  if (!isOpen()) return;
  const first = unread ? state.talk.messages.find(isUnread) : null;
  if (first) set({ talk: { ...state.talk, unreadFrom: keyOf(first) } });
  const contact = contactOf(state.conversations.get(id));
  if (contact) contactSoon(contact.id);
  if (message) await goTo(message);
}

const isUnread = (message) => message.direction === "received" && message.read_at === undefined;

/** Reads the open conversation again, for what has its place further up. */
async function reread() {
  if (!state.talk.reading) await read(Math.max(PAGE, Math.min(MOST, state.talk.messages.length + 1)), "", withWhatCame);
}

/** Reads what came before. */
export async function older(limit = 200) {
  const { talk } = state;
  if (!talk || talk.complete || talk.reading || !talk.messages.length) return;
  await read(limit, `&before=${talk.messages[0].id}`, (page, shown) => [...page, ...shown]);
}

/** What was read, and of what is shown what stands before it, and what came while it was read. */
function withWhatCame(page, shown) {
  const read = new Set(page.map(keyOf));
  const isRead = (message) => read.has(keyOf(message));
  return [...shown.slice(0, Math.max(0, shown.findIndex(isRead))), ...page, ...shown.slice(shown.findLastIndex(isRead) + 1)];
}

/**
 * Reads messages into the open conversation; `join` puts them to those that are shown. What events tell meanwhile is
 * newer than the answer: `reading` has it by the messages' keys, null for one that is gone.
 */
async function read(limit, where, join) {
  const { id } = state.talk;
  const reading = new Map();
  state.talk.reading = reading;
  const isOpen = () => state.talk?.reading === reading;
  try {
    const answer = await get(`${messagesPath(id)}?limit=${limit}${where}`);
    if (!isOpen()) return;
    const page = answer.map((message) => (reading.has(keyOf(message)) ? reading.get(keyOf(message)) : message)).filter(Boolean);
    const complete = state.talk.complete || answer.length < limit;
    set({ talk: { ...state.talk, messages: join(page, state.talk.messages), complete, reading: null } });
    const shown = new Set(state.talk.messages.map(keyOf));
    if ([...reading.values()].some((message) => message && !shown.has(keyOf(message)) && belongs(message, state.talk))) await reread();
  } finally {
    if (isOpen()) state.talk.reading = null;
  }
}

/** Reads until a message is there, and shows it. */
async function goTo(message) {
  const isOpen = asOpened();
  const isThere = () => state.talk.messages.some((shown) => keyOf(shown) === keyOf(message));
  while (isOpen() && !isThere() && !state.talk.complete && state.talk.messages.length) {
    // Somebody who scrolls is reading already.
    if (state.talk.reading) await new Promise((done) => setTimeout(done, 20));
    else await older(1000);
  }
  if (!isOpen()) return;
  if (isThere()) set({ talk: { ...state.talk, goTo: keyOf(message) } });
  else toast(t("error-unknown-message"), "bad");
}

/** Says that what is shown was read: all that came until the last of it did. Up to each message that is said once. */
export async function readAll(id) {
  if (state.talk?.id !== id || !state.conversations.get(id)?.unread) return;
  const { messages, readUpTo } = state.talk;
  const waiting = messages.filter(isUnread);
  const latest = waiting.reduce((time, message) => Math.max(time, arrivedAt(message)), 0);
  // Several may have come at once.
  const last = waiting.findLast((message) => arrivedAt(message) === latest && !readUpTo.has(message.id));
  if (!last) return;
  readUpTo.add(last.id);
  try {
    await takeConversation(id, ask("POST", `${conversationPath(id)}/read`, { up_to: last.id }));
  } catch (problem) {
    readUpTo.delete(last.id);
    throw problem;
  }
}

let writing = Promise.resolve();
/** When all notes and drafts so far were kept, or refused. */
export const written = () => writing.catch(() => {});

/** Has a text kept, which is shown at once: one after the other, as they were written. A refused one is as it was before. */
async function keep(text, { now, show, put }, options) {
  const before = now();
  show(text);
  set({});
  try {
    // Who leaves does not wait.
    await (options?.keepalive ? put() : (writing = written().then(put)));
  } catch (problem) {
    if (now() === text) {
      show(before);
      set({});
    }
    throw problem;
  }
}

/** Keeps a note in the profile; an empty one goes. */
export const note = (key, text, options) => keep(text, {
  now: () => state.notes.get(key) ?? "",
  show: (value) => (value ? state.notes.set(key, value) : state.notes.delete(key)),
  put: () => ask("PUT", `/v1/notes/${key}`, { text }, options),
}, options);

export const draftOf = (id) => state.drafts.get(id) ?? "";
/** Keeps what was typed in a conversation; an empty draft goes. */
export const keepDraft = (id, text, options) => keep(text, {
  now: () => draftOf(id),
  show: (value) => state.drafts.set(id, value),
  put: () => ask("PATCH", conversationPath(id), { draft: text }, options),
}, options);

export const setting = (name, otherwise = "") => state.notes.get(`ui.${name}`) ?? otherwise;

export function openDialog(name, values = {}) {
  set({ dialogs: [...state.dialogs, { name, values, key: Math.random() }] });
}
export const closeDialog = (key) => set({ dialogs: state.dialogs.filter((dialog) => dialog.key !== key) });

/** A short word on what was done, or was not. */
export function toast(text, kind = "done") {
  const made = { text, kind, key: Math.random() };
  set({ toasts: [...state.toasts, made] });
  setTimeout(() => set({ toasts: state.toasts.filter((toast) => toast !== made) }), kind === "done" ? 3500 : 8000);
}
