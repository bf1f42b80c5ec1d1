// What is typed in each conversation: sends it in order, and has the node keep the rest as a draft.
// What is typed in another window is not known here.

import { ask, conversationPath, messagesPath, newMessageId } from "../lib/api.js";
import { withEntry } from "../lib/collections.js";
import { describeProblem } from "../lib/l10n.js";
import { signal } from "../vendor/signals.js";
import { conversations } from "./conversations.js";
import { everythingSaved, save } from "./saving.js";
import { showToast } from "./toasts.js";

export const drafts = signal(new Map());

const TYPING_PAUSE = 400;
/** A lock does not wait for ever for what is on its way. */
const PATIENCE = 3000;

export const draftOf = (id) => drafts.value.get(id) ?? "";

/** Keeps what was typed in a conversation; an empty draft goes. */
function saveDraft(id, text, { keepalive } = {}) {
  return save(text, {
    keepalive,
    read: () => draftOf(id),
    show: (value) => {
      drafts.value = withEntry(drafts.value, id, value);
    },
    put: () => ask("PATCH", conversationPath(id), { draft: text }, { keepalive }),
  });
}

let sending = Promise.resolve();

/** One after the other, so that messages keep their order. */
function sendInOrder(send) {
  sending = sending.catch(() => {}).then(send);
  return sending;
}

const joinLines = (texts) => texts.filter(Boolean).join("\n");

class Draft {
  onItsWay = [];
  /** What may have arrived all the same: unchanged, it is sent again under its id. */
  refused = null;

  constructor(conversation) {
    this.conversation = conversation;
    this.text = signal(draftOf(conversation));
  }

  write(text) {
    this.text.value = text;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.keep(), TYPING_PAUSE);
  }

  async keep(options) {
    clearTimeout(this.timer);
    const unsent = joinLines([...this.onItsWay.map(({ text }) => text), this.text.value]);
    const isGone = !conversations.value.has(this.conversation);
    if (isGone || draftOf(this.conversation) === unsent) return;
    await saveDraft(this.conversation, unsent, options).catch(() => {});
  }

  async send() {
    const text = this.text.value;
    const message = this.refused?.text === text ? this.refused : { id: newMessageId(), text };
    this.refused = null;
    this.onItsWay.push(message);
    this.write("");

    const post = () => ask("POST", messagesPath(this.conversation), message);
    const problem = await sendInOrder(post).then(
      () => null,
      (refusal) => refusal,
    );
    this.onItsWay.splice(this.onItsWay.indexOf(message), 1);
    if (problem) {
      this.refused = message;
      this.write(joinLines([message.text, this.text.value]));
      showToast(describeProblem(problem), "bad");
    }
    await this.keep();
  }
}

const written = new Map();

export function draftIn(conversation) {
  if (!written.has(conversation)) written.set(conversation, new Draft(conversation));
  return written.get(conversation);
}

/** Has the node keep all of it; who leaves the page says `keepalive`. */
export const keepDrafts = (options) =>
  Promise.all([...written.values()].map((draft) => draft.keep(options)));

/** Waits for what is on its way, and keeps the rest; not for long. */
export async function settleDrafts() {
  const settled = sending
    .catch(() => {})
    .then(() => keepDrafts())
    .then(everythingSaved);
  await Promise.race([settled, new Promise((done) => setTimeout(done, PATIENCE))]);
}
