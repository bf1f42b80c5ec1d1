// Why something waits, or went wrong, in words for a person: both come from the node as codes.

import { hasMessage, t } from "./l10n.js";
import { visible } from "./text.js";

const idOf = (kind, code) => `${kind}-${String(code).replaceAll("_", "-")}`;

/** A reason of the node, in words for a person. Its parameters may be reasons themselves. */
export function reason(why) {
  if (!why) return "";
  const say = ([name, value]) => [name, value?.code ? reason(value) : value];
  return t(idOf("reason", why.code), Object.fromEntries(Object.entries(why).map(say)));
}

/** A refused request, in words for a person: by its code where we have words for it. */
export function trouble(problem) {
  const id = idOf("error", problem.code ?? "unknown");
  return hasMessage(id) ? t(id) : visible(problem.message ?? String(problem));
}
