// Several windows that follow the node together: nothing is missed, and nothing comes twice.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Problem } from "../../client/web/lib/api.js";
import { followEvents } from "../../client/web/lib/shared-events.js";
import { Browser, Node } from "./browser.js";

/** How long anything may take, in milliseconds. */
const PATIENCE = 5000;

/** Waits until something holds. */
async function until(holds, what) {
  const end = Date.now() + PATIENCE;
  while (!holds()) {
    assert.ok(Date.now() < end, `${what} does not come about`);
    await new Promise((done) => setTimeout(done, 1));
  }
}

/** Nothing comes of time alone. */
const SLOW = { pulse: 10 * PATIENCE, quiet: 10 * PATIENCE };

/** Opens a window that has read the state as it is now, and follows. */
function follow(browser, after = browser.node.events.at(-1)?.seq ?? 0) {
  const window = browser.open();
  window.over = new AbortController();
  window.ended = followEvents(
    after,
    {
      signal: window.over.signal,
      onEvent: ({ text }) => window.received.push(text),
      onConnected: (isConnected) => window.connected.push(isConnected),
    },
    window,
  );
  window.ended.catch(() => {});
  return window;
}

const several = (browser, count) => Array.from({ length: count }, () => follow(browser));
const leader = (windows) => windows.find((window) => window.isLeading);

async function allHave(windows, texts) {
  const isDone = ({ received }) => received.length >= texts.length;
  await until(() => windows.every(isDone), `that all windows receive ${texts}`);
  for (const { received } of windows) assert.deepEqual(received, texts);
}

/** Ends what the windows do, so that the test ends, too. */
function leaveAll({ windows }) {
  for (const { over } of windows) over.abort();
}

test("one window streams, and all receive everything once", async () => {
  const node = new Node();
  const browser = new Browser(node);
  const windows = several(browser, 8);
  for (const text of ["one", "two", "three"]) node.happens(text);

  await allHave(windows, ["one", "two", "three"]);
  assert.equal(node.streams.size, 1);
  leaveAll(browser);
});

test("what happens between a window's reading and its following is not missed", async () => {
  const node = new Node();
  const browser = new Browser(node, SLOW);
  const first = follow(browser);
  node.happens("before");
  await allHave([first], ["before"]);
  const late = follow(browser, 0);

  await allHave([late], ["before"]);
  node.happens("after");
  await allHave([first, late], ["before", "after"]);
  leaveAll(browser);
});

test("when the leading window is closed, another goes on without loss", async () => {
  const node = new Node();
  const browser = new Browser(node);
  let windows = several(browser, 4);
  node.happens("one");
  await allHave(windows, ["one"]);

  for (const text of ["two", "three", "four"]) {
    const closed = leader(windows);
    windows = windows.filter((window) => window !== closed);
    closed.close();
    node.happens(text);
  }
  await allHave(windows, ["one", "two", "three", "four"]);
  assert.equal(node.streams.size, 1);
  leaveAll(browser);
});

test("a window that missed what the leading one told reads it itself", async () => {
  const node = new Node();
  const browser = new Browser(node);
  const windows = several(browser, 3);
  node.happens("one");
  await allHave(windows, ["one"]);

  const deaf = windows.find((window) => !window.isLeading);
  const { deliver } = deaf;
  deaf.deliver = () => {};
  node.happens("two");
  await allHave(
    windows.filter((window) => window !== deaf),
    ["one", "two"],
  );
  deaf.deliver = deliver;
  const before = deaf.requests;
  node.happens("three");

  await allHave(windows, ["one", "two", "three"]);
  assert.ok(deaf.requests > before, "it was told twice");
  leaveAll(browser);
});

for (const answersWhileFrozen of [false, true]) {
  const how = answersWhileFrozen ? "and answers" : "and silent";
  test(`when the leading window is frozen ${how}, another takes its place`, async () => {
    const node = new Node();
    const browser = new Browser(node);
    browser.answersWhileFrozen = answersWhileFrozen;
    const windows = several(browser, 4);
    node.happens("one");
    await allHave(windows, ["one"]);
    const frozen = leader(windows);
    frozen.freeze();
    node.happens("two");
    const others = windows.filter((window) => window !== frozen);

    await allHave(others, ["one", "two"]);
    assert.equal(frozen.isLeading, false);
    frozen.thaw();
    node.happens("three");
    await allHave(windows, ["one", "two", "three"]);
    await until(() => node.streams.size === 1, "that only one window streams");
    leaveAll(browser);
  });
}

test("a window that was frozen long ago does not say how the connection is", async () => {
  const node = new Node();
  const browser = new Browser(node);
  const windows = several(browser, 3);
  node.happens("one");
  await allHave(windows, ["one"]);
  const frozen = leader(windows);
  frozen.freeze();
  node.happens("two");
  const others = windows.filter((window) => window !== frozen);
  await allHave(others, ["one", "two"]);

  const follower = others.find((window) => !window.isLeading);
  const { channel } = frozen;
  channel.postMessage({ term: 1, isPulse: true, state: { cursor: 0, isConnected: false } });
  node.happens("three");
  await allHave(others, ["one", "two", "three"]);
  assert.deepEqual(follower.connected, []);
  leaveAll(browser);
});

test("that the node is gone, and there again, is known in all windows", async () => {
  const node = new Node();
  const browser = new Browser(node);
  const windows = several(browser, 3);
  node.happens("one");
  await allHave(windows, ["one"]);

  leader(windows).setConnected(false);
  await until(() => windows.every(({ connected }) => connected.at(-1) === false), "the break");
  leader(windows).setConnected(true);
  await until(() => windows.every(({ connected }) => connected.at(-1) === true), "its end");
  leaveAll(browser);
});

test("a window that is opened while the node is gone learns of it", async () => {
  const node = new Node();
  const browser = new Browser(node, SLOW);
  const first = follow(browser);
  node.happens("one");
  await allHave([first], ["one"]);
  first.setConnected(false);

  const late = follow(browser);
  await until(() => late.connected.at(-1) === false, "that the late window knows");
  leaveAll(browser);
});

for (const [status, code] of [
  [503, "locked"],
  [401, "not_let_in"],
  [410, "cursor_expired"],
]) {
  test(`a refusal that is final, ${code}, ends it in all windows`, async () => {
    const node = new Node();
    const browser = new Browser(node);
    const windows = several(browser, 3);
    node.happens("one");
    await allHave(windows, ["one"]);

    node.refuses(new Problem(status, code, "no more"));
    for (const { ended } of windows) await assert.rejects(ended, { status, code });
    assert.equal(browser.holder, null);
    assert.ok(windows.every(({ channel }) => channel === null));
  });
}

test("a refusal that only the leading window received ends it in all windows", async () => {
  const node = new Node();
  const browser = new Browser(node);
  const windows = several(browser, 3);
  node.happens("one");
  await allHave(windows, ["one"]);

  leader(windows).stream.fail(new Problem(503, "locked", "no more"));
  for (const { ended } of windows) await assert.rejects(ended, { code: "locked" });
});

test("a window that is opened while the leading one is frozen goes on without it", async () => {
  const node = new Node();
  const browser = new Browser(node);
  const first = follow(browser);
  node.happens("one");
  await allHave([first], ["one"]);
  first.freeze();
  node.happens("two");
  const late = follow(browser, 0);

  await allHave([late], ["one", "two"]);
  leaveAll(browser);
});

test("an event at which the page fails is not told again, and the others are", async () => {
  const node = new Node();
  const browser = new Browser(node);
  const window = browser.open();
  window.over = new AbortController();
  const faults = [];
  globalThis.reportError = (error) => faults.push(error.message);
  const onEvent = ({ text }) => {
    window.received.push(text);
    if (text === "one") throw new Error("at one");
  };
  followEvents(0, { signal: window.over.signal, onEvent, onConnected: () => {} }, window);
  node.happens("one");
  node.happens("two");

  await allHave([window], ["one", "two"]);
  assert.deepEqual(faults, ["at one"]);
  leaveAll(browser);
});

test("who leaves receives nothing more, and the others go on", async () => {
  const node = new Node();
  const browser = new Browser(node);
  const windows = several(browser, 3);
  node.happens("one");
  await allHave(windows, ["one"]);

  const left = leader(windows);
  left.over.abort();
  await left.ended;
  node.happens("two");
  await allHave(
    windows.filter((window) => window !== left),
    ["one", "two"],
  );
  assert.deepEqual(left.received, ["one"]);
  leaveAll(browser);
});

test("a page of missed events that is refused for now is asked for again", async () => {
  const node = new Node();
  const browser = new Browser(node);
  const first = follow(browser);
  node.happens("one");
  await allHave([first], ["one"]);

  node.problem = new Problem(0, "gone", "no answer");
  const late = follow(browser, 0);
  await until(() => late.requests > 2, "that it asks again");
  node.problem = null;
  await allHave([late], ["one"]);
  leaveAll(browser);
});
