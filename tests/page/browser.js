// What several windows of one browser share, without a browser: the lock, the channel, and a node
// whose events are read. A window can be closed, frozen, and let go on.

/** The node: its events, and who streams them. */
export class Node {
  events = [];
  streams = new Set();
  /** A final refusal for whoever asks, such as of a locked profile. */
  problem = null;

  happens(text) {
    const seq = (this.events.at(-1)?.seq ?? 0) + 10;
    const event = { seq, text };
    this.events.push(event);
    for (const stream of this.streams) stream.push();
  }

  after(cursor) {
    if (this.problem) throw this.problem;
    return this.events.filter(({ seq }) => seq > cursor);
  }

  /** Ends all streams: who streams asks again, and learns why not. */
  refuses(problem) {
    this.problem = problem;
    for (const stream of this.streams) stream.fail(problem);
  }
}

/** The browser that the windows are of. */
export class Browser {
  windows = [];
  /** Whether a frozen window still receives from the others; it receives nothing from the node. */
  answersWhileFrozen = false;
  /** Which window holds the lock, and how it is taken away. */
  holder = null;
  waiting = [];

  /**
   * Streams say something every so often, and a leading window is not there any more that does not
   * for so long, in milliseconds.
   */
  constructor(node, { pulse = 10, quiet = 60 } = {}) {
    this.node = node;
    this.pulse = pulse;
    this.quiet = quiet;
  }

  open() {
    const window = new Window(this);
    this.windows.push(window);
    return window;
  }

  /** As the Web Locks API has it, for one lock. */
  request(window, { steal, signal }, work) {
    return new Promise((resolve, reject) => {
      const turn = { window, work, resolve, reject };
      const aborted = () => reject(new DOMException("not waited for", "AbortError"));
      if (steal) {
        this.holder?.reject(new DOMException("stolen", "AbortError"));
        this.grant(turn);
        return;
      }
      signal?.addEventListener("abort", () => {
        this.waiting = this.waiting.filter((other) => other !== turn);
        aborted();
      });
      this.waiting.push(turn);
      this.pass();
    });
  }

  async grant(turn) {
    this.holder = turn;
    await turn.work().then(turn.resolve, turn.reject);
    if (this.holder === turn) this.release();
  }

  release() {
    this.holder = null;
    this.pass();
  }

  pass() {
    if (!this.holder && this.waiting.length) this.grant(this.waiting.shift());
  }
}

/** One window: what it has received, and what `followEvents` needs of the browser. */
class Window {
  received = [];
  connected = [];
  isFrozen = false;
  isClosed = false;
  inbox = [];

  constructor(browser) {
    this.browser = browser;
    this.locks = { request: (_, options, work) => browser.request(this, options, work) };
    this.quiet = browser.quiet;
    this.retry = 5;
    this.requests = 0;
  }

  openChannel() {
    const channel = {
      postMessage: (data) => {
        const copy = structuredClone(data);
        for (const other of this.browser.windows) if (other !== this) other.deliver(copy);
      },
      close: () => {
        this.channel = null;
      },
    };
    this.channel = channel;
    return channel;
  }

  deliver(data) {
    if (this.isClosed) return;
    // As in a browser, one that is frozen may receive from the others, and answer.
    if (this.isFrozen && !this.browser.answersWhileFrozen) this.inbox.push(data);
    else queueMicrotask(() => this.channel?.onmessage?.({ data }));
  }

  async readEvents(cursor) {
    this.requests += 1;
    await this.thawed();
    return structuredClone(this.browser.node.after(cursor));
  }

  async streamEvents(after, { onEvent, onActivity, onConnected, signal }) {
    const { node } = this.browser;
    let cursor = after;
    node.after(cursor);
    await new Promise((resolve, reject) => {
      const stream = {
        push: () => {
          if (this.isFrozen || this.isClosed || signal.aborted) return;
          for (const event of node.events.filter(({ seq }) => seq > cursor)) {
            cursor = event.seq;
            onEvent(structuredClone(event));
          }
          onActivity();
        },
        fail: reject,
      };
      this.stream = stream;
      node.streams.add(stream);
      this.setConnected = onConnected;
      onConnected(true);
      signal.addEventListener("abort", resolve);
      stream.push();
      // As the node says something from time to time.
      this.pulse = setInterval(stream.push, this.browser.pulse);
    }).finally(() => {
      clearInterval(this.pulse);
      node.streams.delete(this.stream);
    });
  }

  get isLeading() {
    return this.browser.holder?.window === this;
  }

  close() {
    this.isClosed = true;
    this.channel = null;
    clearInterval(this.pulse);
    this.browser.node.streams.delete(this.stream);
    this.browser.waiting = this.browser.waiting.filter(({ window }) => window !== this);
    if (this.isLeading) this.browser.release();
  }

  freeze() {
    this.isFrozen = true;
  }

  thaw() {
    this.isFrozen = false;
    for (const data of this.inbox.splice(0)) this.deliver(data);
    this.stream?.push();
    this.wake?.();
  }

  thawed() {
    if (!this.isFrozen) return Promise.resolve();
    return new Promise((resolve) => {
      this.wake = resolve;
    });
  }
}
