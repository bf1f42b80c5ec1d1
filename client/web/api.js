// Asks the node, and follows what happens. The only file that speaks to anything.

const KEY = "chive-key";
const SILENCE = 45_000;

/** What was refused, and why: `code` is for us, `message` for a person. */
export class Problem extends Error {
  constructor(status, code, detail) {
    super(detail);
    this.status = status;
    this.code = code;
  }
}

/** Takes the token behind the address for a pass; without one, an earlier pass may still do. */
export async function enter() {
  const token = location.hash.slice(1);
  if (!/^[0-9a-f]{64}$/.test(token)) return;
  history.replaceState(null, "", "/");
  const { key } = await ask("POST", "/ui/enter", { token });
  localStorage.setItem(KEY, key);
}

function headers(more) {
  return { "x-chive-key": localStorage.getItem(KEY) ?? "", ...more };
}

/** One request. `body` is sent as JSON, or as it is if it is a Blob. */
export async function ask(method, path, body, { signal, keepalive } = {}) {
  const blob = body instanceof Blob;
  const response = await reach(path, {
    method,
    signal,
    keepalive,
    headers: headers(body === undefined || blob ? {} : { "content-type": "application/json" }),
    body: body === undefined || blob ? body : JSON.stringify(body),
  });
  if (response.status === 204 || response.status === 202) return null;
  return response.json();
}

export const get = (path) => ask("GET", path);

/** What an older node does not have is null. */
export async function optional(path) {
  try {
    return await get(path);
  } catch (problem) {
    if (problem.status === 404 || problem.status === 405) return null;
    throw problem;
  }
}

/** An answer as a file. */
export async function download(path, body) {
  const init = { method: "POST", headers: headers({ "content-type": "application/json" }), body: JSON.stringify(body) };
  return (await reach(path, init)).blob();
}

async function reach(path, init) {
  let response;
  try {
    response = await fetch(path, { cache: "no-store", redirect: "error", ...init });
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw new Problem(0, "gone", "Chive does not answer");
  }
  if (response.ok) return response;
  const said = await response.json().catch(() => ({}));
  throw new Problem(response.status, said.code ?? "unknown", said.detail ?? response.statusText);
}

/**
 * Follows what happens after an event, also over a break, without a gap. Ends with a `Problem` when the profile is
 * locked, the pass is not known any more, or the events after the cursor are gone.
 */
export async function follow(after, { happens, connected, broken, signal }) {
  for (let wait = 200; !signal.aborted; wait = Math.min(wait * 2, 5000)) {
    try {
      await read(after, signal, () => { wait = 200; connected(); }, (event) => { after = event.seq; happens(event); });
      broken();
    } catch (problem) {
      if (signal.aborted) return;
      if ([401, 410, 503].includes(problem.status)) throw problem;
      broken(problem);
    }
    await new Promise((done) => setTimeout(done, wait));
  }
}

async function read(after, signal, connected, happens) {
  const silence = new AbortController();
  let timer;
  const heard = () => {
    clearTimeout(timer);
    timer = setTimeout(() => silence.abort(), SILENCE);
  };
  heard();
  try {
    const init = { headers: headers({ accept: "text/event-stream" }), signal: AbortSignal.any([signal, silence.signal]) };
    const response = await reach(`/v1/events?after=${after}`, init);
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    connected();
    let rest = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      heard();
      const blocks = (rest + value).split("\n\n");
      rest = blocks.pop();
      for (const block of blocks) take(block, happens);
    }
  } finally {
    clearTimeout(timer);
  }
}

function take(block, happens) {
  let kind = "", data = "";
  for (const line of block.split("\n")) {
    if (line.startsWith("event:")) kind = line.slice(6).trim();
    if (line.startsWith("data:")) data += line.slice(5).trimStart();
  }
  if (!data) return;
  const said = JSON.parse(data);
  if (kind === "problem") throw new Problem(said.status, said.code, said.detail);
  happens(said);
}

export const contactPath = (id) => `/v1/contacts/${id}`;
export const conversationPath = (id) => `/v1/conversations/${id}`;
export const messagesPath = (id) => `${conversationPath(id)}/messages`;

/** A random id for a message: the same one again sends nothing twice. */
export function freshId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
