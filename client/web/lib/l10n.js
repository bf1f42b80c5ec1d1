// Localisation: messages from locales/, dates, times, reasons and errors, in the chosen language or
// the browser's. Components are drawn again when the language changes.

import { FluentBundle, FluentResource } from "../vendor/fluent/index.js";
import { signal } from "../vendor/signals.js";
import { visible } from "./text.js";

export const LANGUAGES = { en: "English", ru: "Русский" };
const RIGHT_TO_LEFT = ["ar", "fa", "he", "ur"];

export const language = signal("en");
/** The sentences of the language, and those of English for what it lacks. */
let bundles = [];
let formats = {};

/** Changes to the first language of those wanted that there is. */
export async function setLanguage(wanted) {
  const wishes = [wanted, ...navigator.languages].filter(Boolean);
  const tags = wishes.map((tag) => tag.toLowerCase().split("-")[0]);
  const chosen = tags.find((tag) => tag in LANGUAGES) ?? "en";
  bundles = await Promise.all([...new Set([chosen, "en"])].map(loadBundle));
  formats = {};
  document.documentElement.lang = chosen;
  document.documentElement.dir = RIGHT_TO_LEFT.includes(chosen) ? "rtl" : "ltr";
  language.value = chosen;
}

async function loadBundle(tag) {
  const text = await (await fetch(`/locales/${tag}.ftl`, { cache: "no-store" })).text();
  const bundle = new FluentBundle(tag);
  bundle.addResource(new FluentResource(text));
  return bundle;
}

/** A sentence by its id. Names and numbers in it are kept apart from it, whichever way they run. */
export function t(id, values) {
  for (const bundle of bundles) {
    const message = bundle.getMessage(id);
    if (message?.value) return bundle.formatPattern(message.value, values);
  }
  return id;
}

export const hasMessage = (id) => bundles.some((bundle) => bundle.hasMessage(id));

export const startOfDay = (at) => new Date(at).setHours(0, 0, 0, 0);

/** Changes at midnight, and with it what is said of days. */
const today = signal(startOfDay(Date.now()));

/** Looks from now on whether it is midnight. */
export function startClock() {
  setInterval(() => {
    today.value = startOfDay(Date.now());
  }, 60_000);
}

function startOfToday() {
  today.value;
  return startOfDay(Date.now());
}

function format(name, options) {
  formats[name] ??= new Intl.DateTimeFormat(language.value, options);
  return formats[name];
}

/** Others choose their times: of one that no calendar has, nothing is said. */
const LAST_TIME = 8.64e15;
const ifValid =
  (describe, otherwise = "–") =>
  (at) =>
    Math.abs(at) <= LAST_TIME ? describe(at) : otherwise;

export const timeOfDay = ifValid((at) =>
  format("clock", { hour: "numeric", minute: "2-digit" }).format(at),
);
export const dayAndTime = ifValid((at) =>
  format("both", { dateStyle: "medium", timeStyle: "short" }).format(at),
);
export const isoTime = ifValid((at) => new Date(at).toISOString(), null);

export const dayName = ifValid((at) => {
  const days = Math.round((startOfToday() - startOfDay(at)) / 86_400_000);
  if (days === 0) return t("day-today");
  if (days === 1) return t("day-yesterday");
  if (days > 0 && days < 7) return format("weekday", { weekday: "long" }).format(at);
  return format("day", { day: "numeric", month: "long", year: "numeric" }).format(at);
});

/** The time of what was today, the day of what was before. */
export const shortTime = ifValid((at) => {
  if (startOfDay(at) === startOfToday()) return timeOfDay(at);
  return Math.abs(Date.now() - at) < 6 * 86_400_000
    ? format("short", { weekday: "short" }).format(at)
    : format("date", { day: "2-digit", month: "2-digit", year: "2-digit" }).format(at);
});

const UNITS = [
  ["years", 31_536_000],
  ["weeks", 604_800],
  ["days", 86_400],
  ["hours", 3600],
  ["minutes", 60],
  ["seconds", 1],
];

/** Seconds as people say them: the largest unit that fits evenly enough. */
export function duration(seconds) {
  const fitting = UNITS.filter(([, length]) => seconds >= length);
  const even = fitting.find(([, length]) => seconds % length === 0);
  const [unit, length] = even ?? fitting[0] ?? UNITS.at(-1);
  return t(`time-${unit}`, { n: Math.round(seconds / length) });
}

export function compareNames(one, other) {
  const tag = language.value;
  formats.collator ??= new Intl.Collator(tag);
  return formats.collator.compare(one, other);
}

const idOf = (kind, code) => `${kind}-${String(code).replaceAll("_", "-")}`;

/** A reason of the node, in words for a person. Its parameters may be reasons themselves. */
export function describeReason(why) {
  if (!why) return "";
  const say = ([name, value]) => [name, value?.code ? describeReason(value) : value];
  return t(idOf("reason", why.code), Object.fromEntries(Object.entries(why).map(say)));
}

/** A refused request, in words for a person: by its code where we have words for it. */
export function describeProblem(problem) {
  const id = idOf("error", problem.code ?? "unknown");
  return hasMessage(id) ? t(id) : visible(problem.message ?? String(problem));
}
