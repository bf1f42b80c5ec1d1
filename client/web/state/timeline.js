// The messages of one conversation that were read, as an immutable value. Pure functions return
// another timeline, and neither ask the node nor touch the page.

/** What a message is known by: both sides choose ids. */
export const keyOf = (message) => message.direction + message.id;

/** When a message came, or was written: by the clock of this machine, not of who wrote it. */
export const arrivedAt = ({ direction, delivered_at: delivered, created_at: created }) =>
  (direction === "received" ? delivered : created) ?? 0;

export const isUnread = ({ direction, read_at: readAt }) =>
  direction === "received" && readAt === undefined;

/**
 * A conversation that was opened just now; `opening` tells it from other times that it was.
 * `reading` is the page that is being read, with the `updates` that events bring: messages
 * by their keys, null for those that are gone. `unreadFrom` and `goTo` are keys of messages.
 */
export function openTimeline(id, opening, unread) {
  return {
    id,
    opening,
    unread,
    messages: [],
    isComplete: false,
    reading: null,
    unreadFrom: null,
    goTo: null,
  };
}

export function startPage(timeline, page) {
  return { ...timeline, reading: { page, updates: new Map() } };
}

export function dropPage(timeline) {
  return { ...timeline, reading: null };
}

/**
 * Takes the page that was read, of at most `limit` messages: the newest ones, or those before what
 * is shown. The updates of meanwhile are newer than it.
 */
export function addPage(timeline, answer, { limit, isOlder }) {
  const { updates } = timeline.reading;
  const newer = (message) => {
    const key = keyOf(message);
    return updates.has(key) ? updates.get(key) : message;
  };
  const page = answer.map(newer).filter(Boolean);
  const { messages: shown } = timeline;

  return {
    ...timeline,
    messages: isOlder ? [...page, ...shown] : aroundPage(page, shown),
    isComplete: timeline.isComplete || answer.length < limit,
    reading: null,
  };
}

function aroundPage(page, shown) {
  const keys = new Set(page.map(keyOf));
  const isInPage = (message) => keys.has(keyOf(message));
  const before = shown.slice(0, Math.max(0, shown.findIndex(isInPage)));
  const after = shown.slice(shown.findLastIndex(isInPage) + 1);
  return [...before, ...page, ...after];
}

/** Whether a message of the updates, while a page was read, has its place here and is not shown. */
export function lacks(timeline, updates) {
  const shown = new Set(timeline.messages.map(keyOf));
  const isMissing = (message) =>
    message && !shown.has(keyOf(message)) && belongs(message, timeline);
  return [...updates.values()].some(isMissing);
}

function belongs(message, { messages, isComplete }) {
  return isComplete || !messages.length || arrivedAt(message) >= arrivedAt(messages[0]);
}

export function indexOfMessage({ messages }, { id, direction }) {
  return messages.findLastIndex((shown) => shown.id === id && shown.direction === direction);
}

/**
 * Takes a message that came, or changed; `newest` is the last one of the conversation before it.
 * `isIncomplete` says that its place is further up, so that it has to be read again.
 */
export function addMessage(timeline, message, newest) {
  const updates =
    timeline.reading && new Map(timeline.reading.updates).set(keyOf(message), message);
  const reading = timeline.reading && { ...timeline.reading, updates };
  const { messages } = timeline;
  const index = indexOfMessage(timeline, message);

  if (index >= 0) {
    const changed = messages.slice();
    changed[index] = message;
    return { timeline: { ...timeline, reading, messages: changed }, isIncomplete: false };
  }
  if (isLast(message, messages, newest)) {
    const longer = [...messages, message];
    return { timeline: { ...timeline, reading, messages: longer }, isIncomplete: false };
  }
  return { timeline: { ...timeline, reading }, isIncomplete: belongs(message, timeline) };
}

/** What we write has its place at the end, and what comes, unless it is late or fills a gap. */
function isLast(message, messages, newest) {
  const end = messages.at(-1) ?? newest ?? message;
  if (message.direction === "sent") return arrivedAt(message) >= arrivedAt(end);
  const hasGap = messages.some((shown) => shown.missing_before > 0);
  return isUnread(message) && !message.late && !hasGap;
}

export function removeMessages(timeline, ids) {
  const gone = new Set(ids);
  const keys = ids.flatMap((id) => [`sent${id}`, `received${id}`]);
  const updates = timeline.reading && new Map(timeline.reading.updates);
  for (const key of updates ? keys : []) updates.set(key, null);

  return {
    ...timeline,
    messages: timeline.messages.filter(({ id }) => !gone.has(id)),
    reading: timeline.reading && { ...timeline.reading, updates },
  };
}

export const authorOf = (message) => message.author?.name ?? message.conversation_name;
