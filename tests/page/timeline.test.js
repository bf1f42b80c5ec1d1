// The messages of the open conversation: where a message has its place, and what a page changes.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  addMessage,
  addPage,
  dropPage,
  keyOf,
  lacks,
  openTimeline,
  removeMessages,
  startPage,
} from "../../client/web/state/timeline.js";
import { ids, received, sent, WITH_BOB } from "./samples.js";

/** A timeline of which these messages were read, and perhaps all. */
function timelineOf(messages, { isComplete = false } = {}) {
  const reading = startPage(openTimeline(WITH_BOB, 1, 0), "first");
  const limit = isComplete ? messages.length + 1 : messages.length;
  return addPage(reading, messages, { limit });
}

test("a page that is shorter than what was asked for is the last one", () => {
  assert.equal(timelineOf([received("1", 1)], { isComplete: true }).isComplete, true);
  assert.equal(timelineOf([received("1", 1)]).isComplete, false);
});

test("what comes has its place at the end", () => {
  const before = timelineOf([received("1", 10, { missing_before: 0 }), sent("2", 20)]);
  const { timeline, isIncomplete } = addMessage(before, received("3", 5));
  assert.deepEqual(timeline, { ...before, messages: [...before.messages, received("3", 5)] });
  assert.equal(isIncomplete, false);
  const atOnce = addMessage(before, sent("3", 20)).timeline;
  assert.deepEqual(ids(atOnce.messages), ["1", "2", "3"]);
  assert.deepEqual(ids(before.messages), ["1", "2"], "the timeline of before is changed");
});

test("a message that is shown already changes in its place", () => {
  const before = timelineOf([sent("1", 10, "queued"), sent("2", 20, "queued")]);
  const { timeline } = addMessage(before, sent("1", 10, "delivered"));
  const messages = [sent("1", 10, "delivered"), sent("2", 20, "queued")];
  assert.deepEqual(timeline, { ...before, messages });
});

test("both sides choose ids, and the same id of both is two messages", () => {
  const { timeline } = addMessage(timelineOf([sent("1", 10)]), received("1", 20));
  assert.deepEqual(timeline.messages.map(keyOf), ["sent1", "received1"]);
});

test("a late message, and one that fills a gap, are not put at the end but read again", () => {
  const late = addMessage(timelineOf([received("1", 10)]), received("2", 20, { late: true }));
  assert.deepEqual(ids(late.timeline.messages), ["1"]);
  assert.equal(late.isIncomplete, true);

  const gap = timelineOf([received("1", 10), received("3", 30, { missing_before: 1 })]);
  const filled = addMessage(gap, received("2", 40));
  assert.deepEqual(ids(filled.timeline.messages), ["1", "3"]);
  assert.equal(filled.isIncomplete, true);
});

test("what was written before what is shown is read again, and before all of it not at all", () => {
  const shown = timelineOf([sent("2", 20), sent("3", 30)]);
  assert.equal(addMessage(shown, sent("x", 25)).isIncomplete, true);
  assert.equal(addMessage(shown, sent("x", 20)).isIncomplete, true);
  assert.equal(addMessage(shown, sent("x", 10)).isIncomplete, false);

  const all = timelineOf([sent("2", 20), sent("3", 30)], { isComplete: true });
  assert.equal(addMessage(all, sent("x", 10)).isIncomplete, true);
});

test("in an empty timeline, a message of before the newest is not the last one", () => {
  const reading = startPage(openTimeline(WITH_BOB, 1, 0), "first");
  const newest = sent("9", 90);
  assert.deepEqual(addMessage(reading, sent("1", 10), newest).timeline.messages, []);
  assert.deepEqual(ids(addMessage(reading, sent("10", 95), newest).timeline.messages), ["10"]);
});

test("what an event tells while a page is read is newer than the page", () => {
  const reading = startPage(openTimeline(WITH_BOB, 1, 0), "first");
  const { timeline: told } = addMessage(reading, sent("1", 10, "delivered"), sent("1", 10));
  const { messages } = addPage(told, [sent("1", 10, "queued")], { limit: 60 });
  assert.deepEqual(
    messages.map(({ state }) => state),
    ["delivered"],
  );
});

test("a message that comes while its page is read is shown once, in its place", () => {
  const reading = startPage(timelineOf([received("1", 10)]), "again");
  const { timeline: told } = addMessage(reading, received("2", 20));

  const withIt = addPage(told, [received("1", 10), received("2", 20)], { limit: 60 });
  assert.deepEqual(ids(withIt.messages), ["1", "2"]);

  const withoutIt = addPage(told, [received("0", 5), received("1", 10)], { limit: 60 });
  assert.deepEqual(ids(withoutIt.messages), ["0", "1", "2"]);
});

test("a late message that the page is without is missed, and read for again", () => {
  const reading = startPage(timelineOf([received("1", 10)]), "again");
  const { timeline: told } = addMessage(reading, received("2", 20, { late: true }));
  const { updates } = told.reading;

  assert.equal(lacks(addPage(told, [received("1", 10)], { limit: 1 }), updates), true);
  const complete = addPage(told, [received("1", 10), received("2", 20)], { limit: 60 });
  assert.equal(lacks(complete, updates), false);
});

test("messages that are gone are taken away, also from the page that is being read", () => {
  const reading = startPage(timelineOf([received("1", 10), sent("2", 20)]), "again");
  const gone = removeMessages(reading, ["2"]);
  assert.deepEqual(ids(gone.messages), ["1"]);
  assert.equal(gone.id, WITH_BOB);

  const page = addPage(gone, [received("1", 10), sent("2", 20)], { limit: 60 });
  assert.deepEqual(ids(page.messages), ["1"]);
  assert.equal(lacks(page, gone.reading.updates), false);
});

test("what came before is put before what is shown", () => {
  const reading = startPage(timelineOf([received("3", 30)]), "older");
  const page = addPage(reading, [received("1", 10), received("2", 20)], {
    limit: 2,
    isOlder: true,
  });
  assert.deepEqual(ids(page.messages), ["1", "2", "3"]);
  assert.equal(page.isComplete, false);
});

test("a page is still being read after what events tell of it", () => {
  const reading = startPage(timelineOf([received("1", 10)]), "again");
  const { timeline: told } = addMessage(reading, received("2", 20));
  assert.equal(removeMessages(told, ["1"]).reading.page, "again");
  assert.deepEqual([...told.reading.updates.keys()], ["received2"]);
  assert.equal(reading.reading.updates.size, 0, "the timeline of before is changed");
});

test("a page that was refused leaves what is shown", () => {
  const shown = timelineOf([received("1", 10)]);
  assert.deepEqual(dropPage(startPage(shown, "again")), shown);
});
