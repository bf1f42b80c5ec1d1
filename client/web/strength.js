// How well a passphrase would stand against somebody who guesses at leisure. Computed here, told to nobody.

const COMMON = ["password", "passwort", "пароль", "qwerty", "qwertz", "йцукен", "letmein", "iloveyou", "admin", "welcome",
  "monkey", "dragon", "football", "master", "secret", "chive", "abc", "123", "111", "000"];
const RUNS = ["abcdefghijklmnopqrstuvwxyz", "qwertyuiopasdfghjklzxcvbnm", "01234567890", "йцукенгшщзхъфывапролджэячсмитьбю"];

/** Bits that somebody who knows people's habits would have to guess, roughly. */
export function bits(passphrase) {
  let text = passphrase.toLowerCase();
  let guessed = 0;
  for (const word of COMMON) {
    if (text.includes(word)) {
      text = text.replaceAll(word, "");
      guessed += 6;
    }
  }
  const words = text.split(/[\s_.-]+/u).filter(Boolean);
  // Words are guessed word by word.
  return guessed + words.reduce((sum, word) => sum + (/^\p{L}+$/u.test(word) && words.length > 1 ? Math.min(12.5, letters(word)) : letters(word)), 0);
}

function letters(text) {
  const kinds = [/\p{Ll}/u, /\p{Lu}/u, /\d/u, /[^\p{L}\d]/u].filter((kind) => kind.test(text)).length;
  let effective = 0, before = "";
  for (const c of text) {
    const next = RUNS.some((run) => run.includes(before + c) && before) || c === before;
    effective += next ? 0.3 : 1;
    before = c;
  }
  return effective * (1.8 + kinds * 0.9);
}

/** 0 is empty, 4 is strong. */
export function score(passphrase) {
  if (!passphrase) return 0;
  const n = bits(passphrase);
  return n < 24 ? 1 : n < 40 ? 2 : n < 56 ? 3 : 4;
}
