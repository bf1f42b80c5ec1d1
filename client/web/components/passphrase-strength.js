// Estimates how hard a passphrase is to guess offline, and shows it. Nothing leaves the page.

import { t } from "../lib/l10n.js";
import { html } from "../vendor/preact.js";

const COMMON = `
  password passwort пароль qwerty qwertz йцукен letmein iloveyou admin welcome
  monkey dragon football master secret chive abc 123 111 000
`
  .trim()
  .split(/\s+/u);
const RUNS = [
  "abcdefghijklmnopqrstuvwxyz",
  "qwertyuiopasdfghjklzxcvbnm",
  "01234567890",
  "йцукенгшщзхъфывапролджэячсмитьбю",
];

/** What one of these words is worth, and at most a word of any language beside others, in bits. */
const COMMON_BITS = 6;
const WORD_BITS = 12.5;

/** Bits that somebody who knows people's habits would have to guess, roughly. */
function bits(passphrase) {
  let text = passphrase.toLowerCase();
  let guessed = 0;
  for (const word of COMMON) {
    if (text.includes(word)) {
      text = text.replaceAll(word, "");
      guessed += COMMON_BITS;
    }
  }
  const words = text.split(/[\s_.-]+/u).filter(Boolean);
  // Words are guessed word by word.
  const isWord = (part) => words.length > 1 && /^\p{L}+$/u.test(part);
  for (const part of words) {
    guessed += isWord(part) ? Math.min(WORD_BITS, letterBits(part)) : letterBits(part);
  }
  return guessed;
}

function letterBits(text) {
  const kinds = [/\p{Ll}/u, /\p{Lu}/u, /\d/u, /[^\p{L}\d]/u].filter((kind) =>
    kind.test(text),
  ).length;
  let effective = 0;
  let before = "";
  for (const c of text) {
    const next = RUNS.some((run) => run.includes(before + c) && before) || c === before;
    effective += next ? 0.3 : 1;
    before = c;
  }
  return effective * (1.8 + kinds * 0.9);
}

function score(passphrase) {
  if (!passphrase) return 0;
  const n = bits(passphrase);
  return n < 24 ? 1 : n < 40 ? 2 : n < 56 ? 3 : 4;
}

export function PassphraseStrength({ passphrase }) {
  const n = score(passphrase);
  return html`<div class="strength" data-score=${n}>
    <meter min="0" max="4" low="2" high="3" optimum="4" value=${n}
      aria-label=${t("strength-label")}></meter>
    <span role="status">${t(`strength-${n}`)}</span>
  </div>`;
}
