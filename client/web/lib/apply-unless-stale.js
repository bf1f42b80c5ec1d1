// Answers that events have overtaken.

/**
 * Applies an answer, unless what `current` returns is another thing than when it was asked for:
 * then something newer has come meanwhile, and `again` asks anew. It relies on values that are
 * replaced and never changed in place.
 */
export async function applyUnlessStale(current, question, apply, again) {
  const before = current();
  const answer = await question;
  if (current() !== before) return again();
  apply(answer);
}
