// What each event changes, and what is asked for afterwards.

import assert from "node:assert/strict";
import { test } from "node:test";
import { reduce } from "../../client/web/state/events.js";
import { addPage, openTimeline, startPage } from "../../client/web/state/timeline.js";
import {
  ALICE,
  BOB,
  contact,
  conversation,
  ids,
  received,
  sent,
  state,
  types,
  WITH_ALICE,
  WITH_BOB,
} from "./samples.js";

/** A state in which the conversation with Bob is open, and shows these messages. */
function withOpenConversation(messages, more) {
  const reading = startPage(openTimeline(WITH_BOB, 1, 0), "first");
  const timeline = addPage(reading, messages, { limit: messages.length });
  return state({ timeline, ...more });
}

const withBob = ({ conversations }) => conversations.get(WITH_BOB);
const message = (what) => ({ type: "message", message: what });

test("a message that came is unread, the newest, announced, and its conversation asked for", () => {
  const before = state();
  const { state: after, effects } = reduce(before, message(received("1", 10)));

  assert.equal(withBob(after).unread, 1);
  assert.equal(withBob(after).newest.id, "1");
  assert.equal(after.conversations.get(WITH_ALICE).unread, 0);
  assert.deepEqual(types(effects), ["announce_message", "refresh_conversation"]);
  assert.equal(effects[0].message.id, "1");
  assert.equal(effects[1].id, WITH_BOB);
  assert.equal(withBob(before).unread, 0, "the state of before is changed");
});

test("a message that was read, and one of ours, are neither unread nor announced", () => {
  for (const what of [received("1", 10, { read_at: 11 }), sent("1", 10)]) {
    const { state: after, effects } = reduce(state(), message(what));
    assert.equal(withBob(after).unread, 0);
    assert.deepEqual(types(effects), ["refresh_conversation"]);
  }
});

test("a message that is told twice is unread once", () => {
  const once = reduce(withOpenConversation([]), message(received("1", 10))).state;
  const { state: twice, effects } = reduce(once, message(received("1", 10)));
  assert.equal(withBob(twice).unread, 1);
  assert.deepEqual(ids(twice.timeline.messages), ["1"]);
  assert.deepEqual(types(effects), ["refresh_conversation"]);
});

test("a late message, and an older one, are not the newest of their conversation", () => {
  const { state: before } = reduce(state(), message(received("2", 20)));
  for (const what of [received("1", 10), received("3", 30, { late: true })]) {
    assert.equal(withBob(reduce(before, message(what)).state).newest.id, "2");
  }
});

test("how far the newest message is changes also in the list", () => {
  const { state: before } = reduce(state(), message(sent("1", 10, "queued")));
  const { state: after } = reduce(before, message(sent("1", 10, "delivered")));
  assert.equal(withBob(after).newest.state, "delivered");

  const { state: late } = reduce(state(), message(received("1", 10)));
  const again = message(received("1", 10, { late: true, read_at: 11 }));
  assert.equal(withBob(reduce(late, again).state).newest.read_at, 11);
  const atOnce = message(sent("2", 10));
  assert.equal(withBob(reduce(before, atOnce).state).newest.id, "2");
});

test("it is asked why a message waits, as long as there is somebody to ask about", () => {
  const queued = message(sent("1", 10, "queued"));
  assert.deepEqual(reduce(state(), queued).effects.at(-1), { type: "refresh_contact", id: BOB });
  const { effects } = reduce(state({ contacts: new Map() }), queued);
  assert.deepEqual(types(effects), ["refresh_conversation"]);
});

test("a message is shown in the open conversation, and only in its own", () => {
  const before = withOpenConversation([received("1", 10)]);
  assert.deepEqual(ids(reduce(before, message(received("2", 20))).state.timeline.messages), [
    "1",
    "2",
  ]);
  const elsewhere = received("2", 20, { conversation: WITH_ALICE });
  assert.equal(reduce(before, message(elsewhere)).state.timeline, before.timeline);
});

test("a message that has its place further up has the open conversation read again", () => {
  const { effects } = reduce(withOpenConversation([received("1", 10)]), message(sent("0", 5)));
  assert.equal(types(effects).includes("refresh_messages"), false, "it is not shown at all");
  const late = reduce(
    withOpenConversation([received("1", 10)]),
    message(received("2", 20, { late: true })),
  );
  assert.equal(types(late.effects).includes("refresh_messages"), true);
});

test("a message of a conversation that is not known yet changes nothing but is announced", () => {
  const before = state({ conversations: new Map() });
  const { state: after, effects } = reduce(before, message(received("1", 10)));
  assert.deepEqual(after, before);
  assert.deepEqual(types(effects), ["announce_message", "refresh_conversation"]);
});

test("messages that are gone are neither shown nor found any more", () => {
  const other = received("1", 10, { conversation: WITH_ALICE });
  const before = withOpenConversation([received("1", 10), received("2", 20)], {
    found: { messages: [received("1", 10), received("2", 20), other] },
  });
  const event = { type: "messages_gone", conversation: WITH_BOB, messages: ["1"] };
  const { state: after, effects } = reduce(before, event);

  assert.deepEqual(ids(after.timeline.messages), ["2"]);
  assert.deepEqual(after.found.messages, [received("2", 20), other]);
  assert.deepEqual(effects, [{ type: "refresh_conversation", id: WITH_BOB }]);
  assert.deepEqual(withBob(after), withBob(before));
  const isSame = withBob(after) === withBob(before);
  assert.equal(isSame, false, "an answer of before would be taken for how it is");
});

test("who is removed is forgotten: conversation, draft, messages, search, dialogs", () => {
  const other = received("9", 10, { conversation: WITH_ALICE });
  const before = withOpenConversation([received("1", 10)], {
    drafts: new Map([
      [WITH_BOB, "to Bob"],
      [WITH_ALICE, "to Alice"],
    ]),
    found: { messages: [received("1", 10), other] },
    dialogs: [
      { key: 1, name: "settings", values: {} },
      { key: 2, name: "contact", values: { id: BOB } },
      { key: 3, name: "confirm", values: { id: BOB } },
      { key: 4, name: "contact", values: { id: ALICE } },
    ],
  });
  const event = { type: "contact_removed", id: BOB, conversation: WITH_BOB };
  const { state: after } = reduce(before, event);

  assert.deepEqual([...after.contacts.keys()], [ALICE]);
  assert.deepEqual([...after.conversations.keys()], [WITH_ALICE]);
  assert.deepEqual([...after.drafts.keys()], [WITH_ALICE]);
  assert.deepEqual(after.found.messages, [other]);
  assert.equal(after.timeline, null);
  assert.deepEqual(
    after.dialogs.map(({ key }) => key),
    [1, 4],
  );
});

test("another open conversation stays open when somebody is removed", () => {
  const before = withOpenConversation([]);
  const event = { type: "contact_removed", id: ALICE, conversation: WITH_ALICE };
  assert.equal(reduce(before, event).state.timeline, before.timeline);
});

test("contacts and conversations are taken as events have them", () => {
  const renamed = contact(BOB, "Robert", WITH_BOB);
  const one = reduce(state(), { type: "contact", contact: renamed });
  assert.equal(one.state.contacts.get(BOB), renamed);
  assert.deepEqual(types(one.effects), ["refresh_status"]);

  const changed = conversation(WITH_BOB, "Robert", BOB, { unread: 7 });
  const other = reduce(state(), { type: "conversation", conversation: changed });
  assert.equal(withBob(other.state), changed);
});

test("presence is shown at once, and asked for again with all that is known of it", () => {
  const before = state();
  const event = { type: "presence", id: BOB, presence: "online", source: "link", at: 77 };
  const { state: after, effects } = reduce(before, event);
  const expected = { presence: "online", presence_source: "link", since: 77 };

  assert.deepEqual(after.contacts.get(BOB), { ...before.contacts.get(BOB), ...expected });
  assert.deepEqual(types(effects), ["refresh_contact", "refresh_status"]);
  const later = { type: "presence", id: BOB, presence: "offline", at: 88 };
  assert.equal(reduce(after, later).state.contacts.get(BOB).presence_source, "link");
  assert.equal(reduce(before, { ...event, id: "nobody" }).state.contacts, before.contacts);
});

test("an alarm is noted and kept, and none hides that a key did not fit", () => {
  const restarted = { type: "conversation_restarted", id: BOB, by_contact: true };
  const { state: first, effects } = reduce(state(), restarted);
  assert.equal(first.preferences.get(`ui.alarm.${BOB}`), "restarted-theirs");
  assert.deepEqual(effects, [
    { type: "save_preference", key: `ui.alarm.${BOB}`, text: "restarted-theirs" },
  ]);

  const { state: worse } = reduce(first, { type: "key_changed", id: BOB });
  assert.equal(worse.preferences.get(`ui.alarm.${BOB}`), "key");
  const again = reduce(worse, { ...restarted, by_contact: false });
  assert.equal(again.state.preferences.get(`ui.alarm.${BOB}`), "key");
  assert.deepEqual(again.effects, []);
  const ours = reduce(state(), { ...restarted, by_contact: false }).state;
  assert.equal(ours.preferences.get(`ui.alarm.${BOB}`), "restarted-ours");
});

test("an invitation of which an event tells without its link keeps the link", () => {
  const made = { id: "1", link: "chive:abc", used: 0 };
  const event = { type: "invitation", invitation: { id: "1", used: 1 } };
  const { invitations } = reduce(state({ invitations: [made] }), event).state;
  assert.deepEqual(invitations, [{ id: "1", link: "chive:abc", used: 1 }]);
});

test("invitations that were not read yet stay unread", () => {
  const event = { type: "invitation", invitation: { id: "1", used: 1 } };
  assert.equal(reduce(state(), event).state.invitations, null);
});

test("servers, handles and requests are replaced by their keys, or added", () => {
  const before = state({
    servers: [{ address: "s", state: "starting" }],
    handles: [],
    requests: [{ id: "1", name: "Eve" }],
  });
  const server = { type: "server", server: { address: "s", state: "reachable" } };
  const handle = { type: "handle", handle: { handle: "h", state: "active" } };
  const request = { type: "request", request: { id: "2", name: "Carol" } };
  const after = [server, handle, request].reduce((now, event) => reduce(now, event).state, before);

  assert.deepEqual(after.servers, [server.server]);
  assert.deepEqual(after.handles, [handle.handle]);
  assert.deepEqual(ids(after.requests), ["1", "2"]);
  const gone = reduce(after, { type: "request_gone", id: "1" });
  assert.deepEqual(ids(gone.state.requests), ["2"]);
  assert.deepEqual(types(gone.effects), ["refresh_status"]);
});

test("what is told of Tor and the onion services is part of the status, beside the rest", () => {
  const tor = reduce(state(), { type: "tor", tor: { ready: true } }).state;
  const services = { type: "doors", front_door: "reachable", endpoint: "starting" };
  assert.deepEqual(reduce(tor, services).state.status, {
    online: 0,
    tor: { ready: true },
    front_door: "reachable",
    endpoint: "starting",
  });
});

test("an event of a later version changes nothing", () => {
  const before = state();
  assert.deepEqual(reduce(before, { type: "something_new" }), { state: before, effects: [] });
});
