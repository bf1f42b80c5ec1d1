// What the node tells of, in small: messages, contacts, conversations, and a whole state.

export const ALICE = "a1";
export const BOB = "b0";
export const WITH_ALICE = "ca";
export const WITH_BOB = "cb";

/** A message from Bob that nobody has read, as it came at a time. */
export const received = (id, at, more) => ({
  id,
  conversation: WITH_BOB,
  conversation_name: "Bob",
  direction: "received",
  text: `Text ${id}`,
  created_at: at,
  delivered_at: at,
  ...more,
});

/** A message to Bob. */
export const sent = (id, at, state = "sent", more) => ({
  id,
  conversation: WITH_BOB,
  conversation_name: "Bob",
  direction: "sent",
  text: `Text ${id}`,
  created_at: at,
  state,
  ...more,
});

export const contact = (id, name, conversation, more) => ({
  id,
  name,
  conversation,
  state: "accepted",
  presence: "offline",
  ...more,
});

export const conversation = (id, name, member, more) => ({
  id,
  name,
  members: [{ id: member }],
  created_at: 0,
  unread: 0,
  waiting: 0,
  ...more,
});

const byId = (...all) => new Map(all.map((one) => [one.id, one]));

/** A state with Alice and Bob, in which nothing is open. */
export const state = (more) => ({
  contacts: byId(contact(ALICE, "Alice", WITH_ALICE), contact(BOB, "Bob", WITH_BOB)),
  conversations: byId(conversation(WITH_ALICE, "Alice", ALICE), conversation(WITH_BOB, "Bob", BOB)),
  dialogs: [],
  drafts: new Map(),
  found: null,
  handles: null,
  invitations: null,
  preferences: new Map(),
  requests: null,
  servers: null,
  status: { online: 0 },
  timeline: null,
  ...more,
});

/** The types of effects, in their order. */
export const types = (effects) => effects.map(({ type }) => type);

/** The ids of messages, in their order. */
export const ids = (messages) => messages.map(({ id }) => id);
