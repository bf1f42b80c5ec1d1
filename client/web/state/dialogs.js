// The open dialogs, the topmost last; views/dialogs/index.js has what each name stands for.

import { signal } from "../vendor/signals.js";

export const dialogs = signal([]);

export function openDialog(name, values = {}) {
  dialogs.value = [...dialogs.value, { name, values, key: crypto.randomUUID() }];
}

export function closeDialog(key) {
  dialogs.value = dialogs.value.filter((dialog) => dialog.key !== key);
}
