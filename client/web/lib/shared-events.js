// Shares one stream of the node's events among all windows of this browser, which has six
// connections per host. A lock elects the leading window; a channel broadcasts what it receives to
// the others.
//
// Every window has a cursor of its own: the last event that it applied. With an event goes the one
// before it, so that a window notices that it has missed some, and then reads them itself. The
// channel stores nothing.

import { PAGE, Problem, readEvents, streamEvents } from "./api.js";

const NAME = "chive-events";

/** Tests bring something else. Times are in milliseconds. */
const BROWSER = {
  get locks() {
    return navigator.locks;
  },
  openChannel: () => new BroadcastChannel(NAME),
  readEvents,
  streamEvents,
  /**
   * If the leading window receives nothing from the node for so long, or up to half as long again,
   * another takes its place: the node says something every 15 seconds.
   */
  quiet: 20_000,
  retry: 1000,
};

/**
 * Follows what happens after an event, with the other windows, without a gap and nothing twice.
 * Ends with a final `Problem`, in all windows, or when `signal` says so, in this one.
 */
export function followEvents(after, listener, environment = BROWSER) {
  return new Promise((resolve, reject) => {
    const follower = new Follower(after, listener, environment, reject);
    listener.signal.addEventListener("abort", () => {
      follower.leave();
      resolve();
    });
    follower.join();
  });
}

class Follower {
  isLeading = false;
  isConnected = true;
  isCatchingUp = false;
  over = new AbortController();
  /** Ends what this window does as the leading one, or its wait to become it. */
  turn = new AbortController();

  constructor(after, { onEvent, onConnected }, environment, onEnd) {
    this.cursor = after;
    /** The last event that any window has broadcast. */
    this.newest = after;
    /** Rises with each change of the leading window: one that slept is not listened to. */
    this.term = 0;
    this.onEvent = onEvent;
    this.onConnected = onConnected;
    this.onEnd = onEnd;
    this.environment = environment;
    this.channel = environment.openChannel();
    this.channel.onmessage = ({ data }) => this.receive(data);
  }

  join() {
    this.takeTurns();
    this.askLeader();
  }

  leave() {
    this.over.abort();
    this.turn.abort();
    clearTimeout(this.timer);
    this.channel.close();
  }

  end(problem, { broadcastToOthers } = {}) {
    const { status, code, message } = problem;
    if (broadcastToOthers) this.broadcast({ problem: { status, code, message } });
    this.leave();
    this.onEnd(problem);
  }

  /** Leads whenever the lock is free, or was taken from a window that does not answer. */
  async takeTurns() {
    while (!this.over.signal.aborted) {
      this.turn = new AbortController();
      const options = this.takesOver ? { steal: true } : { signal: this.turn.signal };
      this.takesOver = false;
      try {
        await this.environment.locks.request(NAME, options, () => this.lead());
      } catch (error) {
        // Either this window stopped waiting for its turn, or another one took it away.
        if (error.name !== "AbortError") this.end(error);
      }
      this.turn.abort();
      if (this.isLeading && !this.over.signal.aborted) this.stepDown();
    }
  }

  async lead() {
    if (this.over.signal.aborted) return;
    this.isLeading = true;
    this.term = Math.max(this.term + 1, Date.now());
    clearTimeout(this.timer);
    this.broadcastState({ isPulse: true });

    try {
      await this.environment.streamEvents(this.cursor, {
        signal: this.turn.signal,
        onActivity: () => this.broadcastState({ isPulse: true }),
        onConnected: (isConnected) => {
          this.setConnected(isConnected);
          this.broadcastState({ isPulse: true });
        },
        onEvent: (event) => {
          const after = this.cursor;
          if (this.apply(event)) this.broadcast({ event, after });
        },
      });
    } catch (problem) {
      this.end(problem, { broadcastToOthers: true });
    }
  }

  stepDown() {
    this.isLeading = false;
    this.askLeader();
  }

  receive({ term, event, after, state, problem, isPulse, isQuestion }) {
    if (isQuestion) {
      if (this.isLeading) this.broadcastState();
      return;
    }
    if (this.isLeading || term < this.term) return;
    this.term = term;
    // A frozen window may still answer, but receives nothing from the node.
    if (event || isPulse) this.waitForLeader();

    if (problem) {
      this.end(new Problem(problem.status, problem.code, problem.message));
    } else if (event) {
      this.newest = Math.max(this.newest, event.seq);
      if (after <= this.cursor) this.apply(event);
      else this.catchUp();
    } else {
      this.newest = Math.max(this.newest, state.cursor);
      this.setConnected(state.isConnected);
      if (this.newest > this.cursor) this.catchUp();
    }
  }

  apply(event) {
    if (event.seq <= this.cursor || this.over.signal.aborted) return false;
    this.cursor = event.seq;
    try {
      this.onEvent(event);
    } catch (error) {
      reportError(error);
    }
    return true;
  }

  async catchUp() {
    if (this.isCatchingUp) return;
    this.isCatchingUp = true;
    let isDone = false;
    while (!isDone) isDone = await this.readMissed();
    this.isCatchingUp = false;
  }

  /** Reads a page of what was missed, and returns whether there is no more to read. */
  async readMissed() {
    try {
      const page = await this.environment.readEvents(this.cursor, this.over.signal);
      for (const event of page) this.apply(event);
      return page.length < PAGE && (page.length === 0 || this.cursor >= this.newest);
    } catch (problem) {
      if (this.over.signal.aborted) return true;
      if (problem.isFinal) {
        this.end(problem);
        return true;
      }
      await new Promise((done) => setTimeout(done, this.environment.retry));
      return false;
    }
  }

  setConnected(isConnected) {
    if (isConnected === this.isConnected || this.over.signal.aborted) return;
    this.isConnected = isConnected;
    this.onConnected(isConnected);
  }

  broadcast(message) {
    if (!this.over.signal.aborted) this.channel.postMessage({ term: this.term, ...message });
  }

  /** Broadcasts how far this window is: others notice that it leads, and what they missed. */
  broadcastState(more) {
    this.broadcast({ ...more, state: { cursor: this.cursor, isConnected: this.isConnected } });
  }

  /** Asks how far the leading window is: what it broadcast before, this window has missed. */
  askLeader() {
    this.broadcast({ isQuestion: true });
    this.waitForLeader();
  }

  waitForLeader() {
    clearTimeout(this.timer);
    const patience = this.environment.quiet * (1 + Math.random() / 2);
    this.timer = setTimeout(() => this.takeOver(), patience);
  }

  takeOver() {
    if (this.isLeading) return;
    this.takesOver = true;
    this.turn.abort();
  }
}
