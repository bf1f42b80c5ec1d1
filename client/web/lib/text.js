// Makes texts and names of others safe to show. Text is never markup: what comes out of here goes
// into text nodes only.

/** Control characters, those that change the direction, and others that are not seen. */
const ACTING =
  /(?![\t\n])\p{Cc}|[\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\u{e0000}-\u{e001f}]/gu;
const MARKS = /(\p{M}{8})\p{M}+/gu;
const LINK =
  /(?:https?:\/\/|www\.)[^\s<>"'`\u2066-\u2069\u202a-\u202e]{2,2000}|chive:[a-z2-7]{40,1000}/giu;

/** Characters that act instead of being seen are written out; floods of marks are cut. */
export function visible(text) {
  return text
    .replace(ACTING, (c) => `<U+${c.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}>`)
    .replace(MARKS, "$1");
}

export function oneLine(text, most = 200) {
  return visible(
    text
      .slice(0, most * 4)
      .replace(/\s+/gu, " ")
      .trim(),
  ).slice(0, most);
}

export function parts(text) {
  const found = [];
  let at = 0;
  for (const match of text.matchAll(LINK)) {
    const link = trimmed(match[0]);
    if (match.index > at) found.push({ text: visible(text.slice(at, match.index)) });
    found.push({ link: visible(link) });
    at = match.index + link.length;
  }
  if (at < text.length) found.push({ text: visible(text.slice(at)) });
  return found;
}

/** Without what ends a sentence, or closes a bracket that was opened before the link. */
function trimmed(link) {
  const short = link.replace(/[.,;:!?\]}»”’]+$/u, "");
  return short.endsWith(")") && !short.includes("(") ? trimmed(short.slice(0, -1)) : short;
}

/** The address as it is asked for: look-alikes of other scripts show as `xn--`. Null for none. */
export function plainAddress(link) {
  try {
    const url = new URL(link.startsWith("www.") ? `http://${link}` : link);
    return /^https?:$/.test(url.protocol) ? url : null;
  } catch {
    return null;
  }
}

export function initials(name) {
  const words = name.split(/\s+/u).filter(Boolean);
  const letters = (word) => [...new Intl.Segmenter().segment(word)][0]?.segment ?? "";
  return (letters(words[0] ?? "?") + (words.length > 1 ? letters(words.at(-1)) : "")).toUpperCase();
}

export const colour = (id) => parseInt(id.slice(0, 2), 16) % 8;

export const groups = (number) => number.split(/\s+/u);

/** Bytes as the node counts them. */
export const byteLength = (text) => new TextEncoder().encode(text).length;
