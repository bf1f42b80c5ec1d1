// Modal dialogs, and the toasts, which are shown in the topmost of them.

import { t } from "../lib/l10n.js";
import { observer } from "../lib/observer.js";
import { closeDialog, dialogs } from "../state/dialogs.js";
import { showToast, toasts } from "../state/toasts.js";
import { createContext, html, useContext, useLayoutEffect, useRef } from "../vendor/preact.js";
import { Button } from "./button.js";
import { useFieldId } from "./form.js";

/** The key of the dialog that something is drawn in. */
export const DialogKey = createContext();

export function useClose() {
  const key = useContext(DialogKey);
  return () => closeDialog(key);
}

/** A window over the page, which holds the focus and goes by Escape. */
export function Dialog({ title, children, wide }) {
  const ref = useRef(null);
  const key = useContext(DialogKey);
  const close = useClose();
  const id = useFieldId();
  useLayoutEffect(() => {
    const before = document.activeElement;
    ref.current.showModal();
    if (!ref.current.querySelector("[autofocus]")) ref.current.querySelector("h2").focus();
    return () => before?.focus?.();
  }, []);
  const cancel = (event) => {
    event.preventDefault();
    close();
  };
  const pressed = (event) => {
    if (event.target === ref.current) close();
  };

  return html`<dialog ref=${ref} class=${wide ? "wide" : ""} aria-labelledby=${id}
    onCancel=${cancel} onMouseDown=${pressed}>
    <div class="sheet">
      <header>
        <h2 id=${id} tabindex="-1">${title}</h2>
        <${Button} kind="quiet" icon="close" label=${t("close")} act=${close} />
      </header>
      <div class="body">${children}</div>
    </div>
    <${Toasts} within=${key} />
  </dialog>`;
}

/**
 * What was done, or was not. Each dialog has a place for it: what is below the topmost one is
 * neither seen nor read aloud.
 */
export const Toasts = observer(({ within }) => {
  const isTopmost = dialogs.value.at(-1)?.key === within;
  const shown = isTopmost ? toasts.value : [];
  return html`<div class="toasts" role="status" aria-live="polite">
    ${shown.map(({ key, text, kind }) => html`<p key=${key} class=${`toast ${kind}`}>${text}</p>`)}
  </div>`;
});

export async function copyText(text) {
  await navigator.clipboard.writeText(text);
  showToast(t("copied"));
}
