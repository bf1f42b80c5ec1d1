// The open conversation and its messages: reads, marks and cancels them. Their rules are in
// timeline.js.

import { ask, get, ignoreProblem, messagesPath } from "../lib/api.js";
import { t } from "../lib/l10n.js";
import { signal } from "../vendor/signals.js";
import { refreshContact } from "./contacts.js";
import { contactOf, conversations, markReadUpTo } from "./conversations.js";
import {
  addPage,
  arrivedAt,
  dropPage,
  indexOfMessage,
  isUnread,
  keyOf,
  lacks,
  openTimeline,
  startPage,
} from "./timeline.js";
import { showToast } from "./toasts.js";

/** How many messages are read at once: at first, on scrolling, on the way to a certain one. */
const FIRST_PAGE = 60;
const NEXT_PAGE = 200;
const LARGEST_PAGE = 1000;
const CONTEXT = 10;

export const timeline = signal(null);

let openings = 0;
/** The messages up to which the node was told that all were read, since it was opened. */
let toldRead = new Set();

const isOpening = (opening) => timeline.value?.opening === opening;
const change = (what) => {
  timeline.value = { ...timeline.value, ...what };
};

export function closeConversation() {
  timeline.value = null;
}

export async function openConversation(id, message) {
  const unread = conversations.value.get(id)?.unread ?? 0;
  openings += 1;
  const opening = openings;
  toldRead = new Set();
  timeline.value = openTimeline(id, opening, unread);

  try {
    await readNewest(Math.max(FIRST_PAGE, unread + CONTEXT));
  } catch (problem) {
    // Nothing is known of it, not even that nothing was said.
    if (isOpening(opening)) closeConversation();
    throw problem;
  }
  if (!isOpening(opening)) return;

  const first = unread ? timeline.value.messages.find(isUnread) : null;
  if (first) change({ unreadFrom: keyOf(first) });
  const contact = contactOf(conversations.value.get(id));
  if (contact) refreshContact(contact.id);
  if (message) await goToMessage(message, opening);
}

const readNewest = (count) => readPage({ limit: Math.min(LARGEST_PAGE, count) });

/** Reads the open conversation again, for what has its place further up. */
async function readAgain() {
  if (timeline.value.reading) return;
  await readNewest(Math.max(FIRST_PAGE, timeline.value.messages.length + 1));
}

export async function readOlder(limit = NEXT_PAGE) {
  const open = timeline.value;
  if (!open || open.isComplete || open.reading || !open.messages.length) return;
  await readPage({ limit, isOlder: true });
}

async function readPage({ limit, isOlder = false }) {
  const page = Symbol("page");
  const { id, messages } = timeline.value;
  const isWaiting = () => timeline.value?.reading?.page === page;
  const before = isOlder ? `&before=${messages[0].id}` : "";
  timeline.value = startPage(timeline.value, page);

  try {
    const answer = await get(`${messagesPath(id)}?limit=${limit}${before}`);
    if (!isWaiting()) return;
    const { updates } = timeline.value.reading;
    timeline.value = addPage(timeline.value, answer, { limit, isOlder });
    if (lacks(timeline.value, updates)) await readAgain();
  } finally {
    if (isWaiting()) timeline.value = dropPage(timeline.value);
  }
}

/** Reads until a message is there, and shows it. */
async function goToMessage(message, opening) {
  const isThere = () => indexOfMessage(timeline.value, message) >= 0;
  const hasMore = () => !timeline.value.isComplete && timeline.value.messages.length > 0;
  while (isOpening(opening) && !isThere() && hasMore()) {
    // Somebody who scrolls is reading already.
    if (timeline.value.reading) await new Promise((done) => setTimeout(done, 20));
    else await readOlder(LARGEST_PAGE);
  }
  if (!isOpening(opening)) return;
  if (isThere()) change({ goTo: keyOf(message) });
  else showToast(t("error-unknown-message"), "bad");
}

/** Tells the node that what is shown was read: once up to each message. */
export async function markShownAsRead(id) {
  if (timeline.value?.id !== id || !conversations.value.get(id)?.unread) return;
  const told = toldRead;
  const unread = timeline.value.messages.filter(isUnread);
  const latest = unread.reduce((time, message) => Math.max(time, arrivedAt(message)), 0);
  // Several may have come at once.
  const last = unread.findLast((message) => arrivedAt(message) === latest && !told.has(message.id));
  if (!last) return;

  told.add(last.id);
  try {
    await markReadUpTo(id, last.id);
  } catch (problem) {
    told.delete(last.id);
    throw problem;
  }
}

export const cancelMessage = (id) => ask("DELETE", `/v1/messages/${id}`);

const listeners = new Set();

/** Calls back with each message that came from somebody; returns how to stop that. */
export function onArrival(listener) {
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
  };
}

export function announceArrival(message) {
  for (const listener of listeners) listener(message);
}

/** The same as `readAgain`, for events: what the node refuses then is said elsewhere. */
export function refreshMessages() {
  if (timeline.value) readAgain().catch(ignoreProblem);
}
