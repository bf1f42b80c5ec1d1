// Asks the node. All requests of the page go out from here, to the node and to nobody else.

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

/** Reads something. */
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

/** An answer as a file. */
export async function download(path, body) {
  const init = { method: "POST", headers: JSON_BODY, body: JSON.stringify(body) };
  return (await request(path, init)).blob();
}

/** Says nothing more of what was refused; anything else is a fault of ours. */
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
