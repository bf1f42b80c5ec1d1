// Buttons.

import { attempt } from "../state/toasts.js";
import { html, useEffect, useRef, useState } from "../vendor/preact.js";
import { Icon } from "./icon.js";

/** A button that is busy until what it does is done, and says what went wrong. */
export function Button({ act, label, icon, kind = "", children, disabled, ...rest }) {
  const [isBusy, setBusy] = useState(false);
  const isThere = useRef(true);
  useEffect(
    () => () => {
      isThere.current = false;
    },
    [],
  );
  const click = async () => {
    setBusy(true);
    await attempt(act);
    if (isThere.current) setBusy(false);
  };
  const name = children ? undefined : label;

  return html`<button type="button" class=${`button ${kind}`} aria-label=${name} title=${name}
    disabled=${disabled || isBusy} aria-busy=${isBusy ? "true" : undefined}
    onClick=${click} ...${rest}>
    ${icon && html`<${Icon} name=${icon} />`}${children}
  </button>`;
}
