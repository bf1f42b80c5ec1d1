// Answers that events have overtaken, the order of the list, and what is saved in order.

import assert from "node:assert/strict";
import { test } from "node:test";
import { applyUnlessStale, debounce } from "../../client/web/lib/answers.js";
import { withNewItem } from "../../client/web/lib/collections.js";
import { inOrder } from "../../client/web/state/conversations.js";
import { reduce } from "../../client/web/state/events.js";
import { everythingSaved, save } from "../../client/web/state/saving.js";
import { BOB, contact, conversation, ids, received, state, WITH_BOB } from "./samples.js";

/** An answer that comes when it is told to. */
function pending() {
  let answer;
  const question = new Promise((resolve) => {
    answer = resolve;
  });
  return { question, answer };
}

test("an answer is applied if nothing was told meanwhile", async () => {
  const { question, answer } = pending();
  let known = state();
  const applying = applyUnlessStale(
    () => known.conversations.get(WITH_BOB),
    question,
    (conversation) => {
      known = { ...known, conversations: new Map([[WITH_BOB, conversation]]) };
    },
    () => assert.fail("it is asked again"),
  );
  answer(conversation(WITH_BOB, "Bob", BOB, { unread: 3 }));
  await applying;
  assert.equal(known.conversations.get(WITH_BOB).unread, 3);
});

for (const event of [
  { type: "message", message: received("1", 10) },
  { type: "messages_gone", conversation: WITH_BOB, messages: ["1"] },
  { type: "conversation", conversation: conversation(WITH_BOB, "Bob", BOB) },
  { type: "contact_removed", id: BOB, conversation: WITH_BOB },
]) {
  test(`an answer that a ${event.type} event overtakes is asked for again`, async () => {
    const { question, answer } = pending();
    let known = state();
    let asked = 0;
    const applying = applyUnlessStale(
      () => known.conversations.get(WITH_BOB),
      question,
      () => assert.fail("what the event told is undone"),
      () => {
        asked += 1;
      },
    );
    known = reduce(known, event).state;
    answer(conversation(WITH_BOB, "Bob", BOB));
    await applying;
    assert.equal(asked, 1);
  });
}

test("an answer about a contact is overtaken by the contact's presence", async () => {
  const { question, answer } = pending();
  let known = state();
  let asked = 0;
  const applying = applyUnlessStale(
    () => known.contacts.get(BOB),
    question,
    () => assert.fail("the contact is shown as before"),
    () => {
      asked += 1;
    },
  );
  known = reduce(known, { type: "presence", id: BOB, presence: "online", at: 1 }).state;
  answer(contact(BOB, "Bob", WITH_BOB));
  await applying;
  assert.equal(asked, 1);
});

test("the conversation in which something was said last comes first, and names decide else", () => {
  const people = ["Anna", "Bert", "Carl", "Dora"];
  const conversations = people.map((name) => conversation(name, name, name, { created_at: 5 }));
  conversations[1].newest = received("1", 30);
  // By the sender's clock it is from long ago; by ours it came just now.
  conversations[2].newest = received("2", 40, { created_at: 1 });
  const everybody = new Map(people.map((name) => [name, contact(name, name, name)]));
  const order = (contacts) =>
    ids(
      inOrder(new Map(conversations.map((one) => [one.id, one])), contacts, (one, other) =>
        one.localeCompare(other),
      ),
    );

  assert.deepEqual(order(everybody), ["Carl", "Bert", "Anna", "Dora"]);
  everybody.get("Carl").state = "blocked";
  everybody.delete("Anna");
  assert.deepEqual(order(everybody), ["Bert", "Dora"]);
});

/** A text that is shown and saved, and how it is saved. */
function savedText(put) {
  const text = { shown: "before" };
  text.save = (value) =>
    save(value, {
      read: () => text.shown,
      show: (shown) => {
        text.shown = shown;
      },
      put,
    });
  return text;
}

test("texts are saved in the order of writing, also after one was refused", async () => {
  const order = [];
  const { question, answer } = pending();
  const first = savedText(async () => {
    await question;
    order.push("first");
    throw new Error("refused");
  });
  const second = savedText(async () => {
    order.push("second");
  });
  const refused = assert.rejects(first.save("one"), /refused/u);
  second.save("two");
  assert.deepEqual([first.shown, second.shown, order], ["one", "two", []]);
  answer();
  await refused;
  await everythingSaved();
  assert.deepEqual([first.shown, second.shown, order], ["before", "two", ["first", "second"]]);
});

test("a refused text is not shown as before if it was changed meanwhile", async () => {
  const text = savedText(async () => {
    throw new Error("refused");
  });
  const refused = assert.rejects(text.save("one"));
  text.shown = "typed meanwhile";
  await refused;
  assert.equal(text.shown, "typed meanwhile");
});

test("work that is asked for often is done once, and again later", async () => {
  const done = [];
  let finish;
  const work = debounce((what) => {
    done.push(what);
    if (done.length === 2) finish();
  });
  for (const what of ["one", "other", "one", "other"]) work(what);
  await new Promise((resolve) => {
    finish = resolve;
  });
  assert.deepEqual(done, ["one", "other"]);

  work("one");
  work("other");
  await new Promise((resolve) => {
    finish = resolve;
    done.length = 0;
  });
  assert.deepEqual(done, ["one", "other"]);
});

test("what an answer adds is there once, as events have it", () => {
  const known = [{ address: "s", state: "reachable" }];
  assert.equal(withNewItem(known, { address: "s", state: "starting" }, "address"), known);
  const other = { address: "t", state: "starting" };
  assert.deepEqual(withNewItem(known, other, "address"), [...known, other]);
});
