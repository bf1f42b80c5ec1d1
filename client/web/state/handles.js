// Our handles, by which others find us: claims and releases them.

import { ask, getOptional } from "../lib/api.js";
import { withNewItem } from "../lib/collections.js";
import { signal } from "../vendor/signals.js";

/** Null if the node knows of no handles. */
export const handles = signal(null);

export async function claimHandle(handle) {
  const claimed = await ask("POST", "/v1/handles", { handle });
  handles.value = withNewItem(handles.value, claimed, "handle");
}

export async function releaseHandle(handle) {
  await ask("DELETE", `/v1/handles/${encodeURIComponent(handle)}`);
  const releasing = { state: "releasing", reason: undefined };
  handles.value = handles.value.map((known) =>
    known.handle === handle ? { ...known, ...releasing } : known,
  );
  await removeReleased();
}

/** No event tells that one is gone. Of the others, events may have told more than the answer. */
export async function removeReleased() {
  const left = await getOptional("/v1/handles");
  const isLeft = ({ handle }) => left.some((known) => known.handle === handle);
  handles.value = handles.value.filter(isLeft);
}
