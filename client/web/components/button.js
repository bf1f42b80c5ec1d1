// Icons and buttons.

import { attempt } from "../state/toasts.js";
import { html, useEffect, useRef, useState } from "../vendor/preact.js";

const PATHS = {
  add: "M12 5v14M5 12h14",
  away: "M12 7v5l3 3M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18",
  back: "M15 5l-7 7 7 7",
  check: "M5 12.5l4.5 4.5L19 7.5",
  checks: "M2 12.5l4.5 4.5L15 7.5M10.5 16l1 1L21 7.5",
  clock: "M12 7.5v5l3 2M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17",
  close: "M6 6l12 12M18 6L6 18",
  copy: "M9 9h10v11H9zM6 15H5V4h10v2",
  down: "M6 9l6 6 6-6",
  emoji:
    "M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17M8.5 14.5c1.8 2 5.2 2 7 0M9 9.5v.2M15 9.5v.2",
  invite: "M4 20c0-4 3-6 6-6s6 2 6 6M10 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7M19 8v6M16 11h6",
  lock: "M6 11h12v9H6zM8.5 11V8a3.5 3.5 0 0 1 7 0v3",
  more: "M12 4.8a1.2 1.2 0 1 0 .01 0M12 10.8a1.2 1.2 0 1 0 .01 0M12 16.8a1.2 1.2 0 1 0 .01 0",
  search: "M11 4.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13M16 16l4.5 4.5",
  send: "M4 12l16-8-5 16-3-7z",
  settings: "M4 7h10M18 7h2M4 17h2M10 17h10M16 4.5v5M8 14.5v5",
  status: "M3 12h4l3-7 4 14 3-7h4",
  timer: "M12 8v5M9 3h6M12 5a8 8 0 1 0 0 16 8 8 0 0 0 0-16",
  verified: "M12 3l7 3v5c0 5-3 8-7 10-4-2-7-5-7-10V6zM8.5 12l2.5 2.5 4.5-5",
  warn: "M12 4l9 16H3zM12 10v5M12 17.5v.2",
};

export const Icon = ({ name }) => html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
  <path d=${PATHS[name]} />
</svg>`;

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
