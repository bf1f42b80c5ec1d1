// The node's events: as a stream that is held open, or page by page. Knows of no other windows.

import { Problem, request } from "./api.js";

/** A stream is dead that says nothing for so long: the node says something every 15 seconds. */
const SILENCE = 45_000;
const FIRST_PAUSE = 200;
const LONGEST_PAUSE = 5000;

/** How many events a page has at most. */
export const PAGE = 1000;

/** The events after one, at once and not more than a page of them. */
export async function readEvents(after, signal) {
  const headers = { accept: "application/json" };
  const response = await request(`/v1/events?after=${after}&limit=${PAGE}`, { headers, signal });
  return response.json();
}

/**
 * Follows what happens after an event, also over a break, without a gap. `onHeard` hears that there
 * was anything, also when nothing happened. Ends with a final `Problem`, or when `signal` says so.
 */
export async function streamEvents(after, { onEvent, onHeard, onConnected, signal }) {
  let cursor = after;
  let pause = FIRST_PAUSE;
  const connected = () => {
    pause = FIRST_PAUSE;
    onConnected(true);
  };
  const happened = (event) => {
    cursor = event.seq;
    onEvent(event);
  };

  while (!signal.aborted) {
    try {
      await readStream(cursor, { onEvent: happened, onHeard, onOpen: connected, signal });
    } catch (problem) {
      if (signal.aborted) return;
      if (problem.isFinal) throw problem;
    }
    onConnected(false);
    await new Promise((done) => setTimeout(done, pause));
    pause = Math.min(pause * 2, LONGEST_PAUSE);
  }
}

/** Reads one stream to its end. */
async function readStream(after, { onEvent, onHeard, onOpen, signal }) {
  const silence = new AbortController();
  let timer;
  const heard = () => {
    clearTimeout(timer);
    timer = setTimeout(() => silence.abort(), SILENCE);
    onHeard();
  };

  try {
    timer = setTimeout(() => silence.abort(), SILENCE);
    const response = await request(`/v1/events?after=${after}`, {
      headers: { accept: "text/event-stream" },
      signal: AbortSignal.any([signal, silence.signal]),
    });
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    onOpen();

    let rest = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const blocks = (rest + value).split("\n\n");
      rest = blocks.pop();
      for (const event of blocks.map(parseBlock)) if (event) onEvent(event);
      heard();
    }
  } finally {
    clearTimeout(timer);
  }
}

/** One event of a stream; null for a comment. Throws the `Problem` with which a stream ends. */
export function parseBlock(block) {
  let kind = "";
  let data = "";
  for (const line of block.split("\n")) {
    if (line.startsWith("event:")) kind = line.slice(6).trim();
    if (line.startsWith("data:")) data += line.slice(5).trimStart();
  }
  if (!data) return null;
  const event = JSON.parse(data);
  if (kind === "problem") throw new Problem(event.status, event.code, event.detail);
  return event;
}
