// The search over all conversations and messages.

import { get } from "../lib/api.js";
import { computed, signal } from "../vendor/signals.js";
import { listed } from "./conversations.js";

const SHORTEST = 2;
const LONGEST = 200;
const MOST = 60;
const PAUSE = 200;

export const words = signal("");
/** The messages with these words: `{ messages }` or `{ problem }`, null if nothing was searched. */
export const found = signal(null);

export const matching = computed(() => {
  const wanted = words.value.toLocaleLowerCase();
  if (!wanted) return listed.value;
  return listed.value.filter(({ name }) => name.toLocaleLowerCase().includes(wanted));
});

let timer;

export function search(typed) {
  words.value = typed;
  clearTimeout(timer);
  const wanted = typed.trim();
  if (wanted.length < SHORTEST) found.value = null;
  else timer = setTimeout(() => searchMessages(typed, wanted), PAUSE);
}

async function searchMessages(typed, wanted) {
  const text = encodeURIComponent(wanted.slice(0, LONGEST));
  const answer = await get(`/v1/search?limit=${MOST}&text=${text}`).then(
    (messages) => ({ messages }),
    (problem) => ({ problem }),
  );
  if (words.value === typed) found.value = answer;
}
