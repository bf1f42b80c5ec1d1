// What is said, in the language of the browser or the one that was chosen. Every sentence is in locales/.

import { FluentBundle, FluentResource } from "/vendor/fluent/index.js";

export const LANGUAGES = { en: "English", ru: "Русский" };
const RIGHT_TO_LEFT = ["ar", "fa", "he", "ur"];

let bundles = [];
let language = "en";
let formats = {};

/** Speaks the first language of those wanted that there is; what it lacks is said in English. */
export async function speak(wanted) {
  const wish = [wanted, ...navigator.languages].filter(Boolean).map((tag) => tag.toLowerCase().split("-")[0]);
  language = wish.find((tag) => tag in LANGUAGES) ?? "en";
  bundles = await Promise.all([...new Set([language, "en"])].map(bundle));
  formats = {};
  document.documentElement.lang = language;
  document.documentElement.dir = RIGHT_TO_LEFT.includes(language) ? "rtl" : "ltr";
}

async function bundle(tag) {
  const text = await (await fetch(`/locales/${tag}.ftl`, { cache: "no-store" })).text();
  const made = new FluentBundle(tag);
  made.addResource(new FluentResource(text));
  return made;
}

/** A sentence by its id. Names and numbers in it are kept apart from it, whichever way they run. */
export function t(id, values) {
  for (const made of bundles) {
    const message = made.getMessage(id);
    if (message?.value) return made.formatPattern(message.value, values);
  }
  return id;
}

/** Whether there is such a sentence. */
export const says = (id) => bundles.some((made) => made.hasMessage(id));

function format(name, options) {
  return (formats[name] ??= new Intl.DateTimeFormat(language, options));
}

/** Others choose their times: of one that no calendar has, nothing is said. */
const LAST = 8.64e15;
const ifAny = (say, otherwise = "–") => (at) => (Math.abs(at) <= LAST ? say(at) : otherwise);

export const clock = ifAny((at) => format("clock", { hour: "numeric", minute: "2-digit" }).format(at));
export const dayAndTime = ifAny((at) => format("both", { dateStyle: "medium", timeStyle: "short" }).format(at));
export const isoTime = ifAny((at) => new Date(at).toISOString(), null);

/** The day as people say it. */
export const day = ifAny((at) => {
  const days = Math.round((startOfDay(Date.now()) - startOfDay(at)) / 86_400_000);
  if (days === 0) return t("day-today");
  if (days === 1) return t("day-yesterday");
  const near = days > 0 && days < 7;
  if (near) return format("weekday", { weekday: "long" }).format(at);
  return format("day", { day: "numeric", month: "long", year: "numeric" }).format(at);
});

/** The time today, the day before. */
export const brief = ifAny((at) => {
  if (startOfDay(at) === startOfDay(Date.now())) return clock(at);
  return Math.abs(Date.now() - at) < 6 * 86_400_000
    ? format("short", { weekday: "short" }).format(at)
    : format("date", { day: "2-digit", month: "2-digit", year: "2-digit" }).format(at);
});

export const startOfDay = (at) => new Date(at).setHours(0, 0, 0, 0);

const UNITS = [["years", 31_536_000], ["weeks", 604_800], ["days", 86_400], ["hours", 3600], ["minutes", 60], ["seconds", 1]];

/** Seconds as people say them: the largest unit that fits evenly enough. */
export function duration(seconds) {
  const [unit, length] = UNITS.find(([, length]) => seconds >= length && seconds % length === 0)
    ?? UNITS.find(([, length]) => seconds >= length) ?? UNITS.at(-1);
  return t(`time-${unit}`, { n: Math.round(seconds / length) });
}

export const compare = (one, other) => (formats.collator ??= new Intl.Collator(language)).compare(one, other);
