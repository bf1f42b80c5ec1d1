// Client of the node's HTTP API: requests and the stream of events. The page asks nobody else.

const KEY = "chive-key";

/** What was refused, and why: `code` is for us, `message` for a person. */
export class Problem extends Error {
  constructor(status, code, detail) {
    super(detail);
    this.status = status;
    this.code = code;
  }

  /** Whether asking again is of no use: no pass, a locked profile, or events that are gone. */
  get isFinal() {
    return [401, 410, 503].includes(this.status);
  }
}

/** Trades the token behind the address for a pass; without one, an earlier pass may still do. */
export async function enterWithToken() {
  const token = location.hash.slice(1);
  if (!/^[0-9a-f]{64}$/.test(token)) return;
  history.replaceState(null, "", "/");
  const { key } = await ask("POST", "/ui/enter", { token });
  localStorage.setItem(KEY, key);
}

/** Sends one request with the pass, and returns the response; throws a `Problem` if refused. */
export async function request(path, { headers, ...init } = {}) {
  const pass = { "x-chive-key": localStorage.getItem(KEY) ?? "" };
  let response;
  try {
    response = await fetch(path, {
      method: "GET",
      cache: "no-store",
      redirect: "error",
      ...init,
      headers: { ...pass, ...headers },
    });
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw new Problem(0, "gone", "Chive does not answer");
  }
  if (response.ok) return response;
  const problem = await response.json().catch(() => ({}));
  throw new Problem(
    response.status,
    problem.code ?? "unknown",
    problem.detail ?? response.statusText,
  );
}

const JSON_BODY = { "content-type": "application/json" };

/** One request and its answer. `body` is sent as JSON, or as it is if it is a Blob. */
export async function ask(method, path, body, { keepalive } = {}) {
  const isJson = body !== undefined && !(body instanceof Blob);
  const response = await request(path, {
    method,
    keepalive,
    headers: isJson ? JSON_BODY : {},
    body: isJson ? JSON.stringify(body) : body,
  });
  if (response.status === 204 || response.status === 202) return null;
  return response.json();
}

export const get = (path) => ask("GET", path);

/** Reads something that older nodes do not have: then it is null. */
export async function getOptional(path) {
  try {
    return await get(path);
  } catch (problem) {
    if (problem.status === 404 || problem.status === 405) return null;
    throw problem;
  }
}

export async function download(path, body) {
  const init = { method: "POST", headers: JSON_BODY, body: JSON.stringify(body) };
  return (await request(path, init)).blob();
}

export function ignoreProblem(error) {
  if (!(error instanceof Problem)) throw error;
}

export const contactPath = (id) => `/v1/contacts/${id}`;
export const conversationPath = (id) => `/v1/conversations/${id}`;
export const messagesPath = (id) => `${conversationPath(id)}/messages`;

/** A random id for a message: the same one again sends nothing twice. */
export function newMessageId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

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
 * Follows what happens after an event, also over a break, without a gap. `onActivity` says that
 * anything came, also when nothing happened. Ends with a final `Problem`, or when `signal` says so.
 */
export async function streamEvents(after, { onEvent, onActivity, onConnected, signal }) {
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
      await readStream(cursor, { onEvent: happened, onActivity, onOpen: connected, signal });
    } catch (problem) {
      if (signal.aborted) return;
      if (problem.isFinal) throw problem;
    }
    onConnected(false);
    await new Promise((done) => setTimeout(done, pause));
    pause = Math.min(pause * 2, LONGEST_PAUSE);
  }
}

async function readStream(after, { onEvent, onActivity, onOpen, signal }) {
  const silence = new AbortController();
  let timer;
  const noteActivity = () => {
    clearTimeout(timer);
    timer = setTimeout(() => silence.abort(), SILENCE);
    onActivity();
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
      noteActivity();
    }
  } finally {
    clearTimeout(timer);
  }
}

/** One event of a stream; null for a comment. Throws the `Problem` with which a stream ends. */
function parseBlock(block) {
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
