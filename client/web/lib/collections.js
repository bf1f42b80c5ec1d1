// Copy-on-write helpers for maps and lists.

export const withEntry = (map, key, value) => new Map(map).set(key, value);

export function withoutEntry(map, key) {
  const rest = new Map(map);
  rest.delete(key);
  return rest;
}

/** A list in which an item replaces the one with the same key, or comes last. Null stays null. */
export function withItem(list, item, key) {
  if (!list) return list;
  const isSame = (known) => known[key] === item[key];
  return list.some(isSame) ? list.map((known) => (isSame(known) ? item : known)) : [...list, item];
}

/** A list with an item, unless one with its key is there: that one is newer. */
export function withNewItem(list, item, key) {
  return list.some((known) => known[key] === item[key]) ? list : [...list, item];
}
