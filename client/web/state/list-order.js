// The order of conversations in the list: a pure function.

import { arrivedAt } from "./timeline.js";

/** Those in which something was said last come first; none with people who are blocked. */
export function inOrder(conversations, contacts, compareNames) {
  const isListed = ({ members }) =>
    (contacts.get(members[0]?.id)?.state ?? "blocked") !== "blocked";
  const all = [...conversations.values()].filter(isListed);
  const latest = ({ newest, created_at: began }) => Math.max(newest ? arrivedAt(newest) : 0, began);
  return all.sort(
    (one, other) => latest(other) - latest(one) || compareNames(one.name, other.name),
  );
}
