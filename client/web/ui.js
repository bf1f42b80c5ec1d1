// The small parts that every screen is made of.

import { Component, createContext, html, useContext, useEffect, useLayoutEffect, useRef, useState } from "/vendor/preact.js";
import { t } from "/l10n.js";
import { closeDialog, state, toast } from "/state.js";
import { trouble } from "/reasons.js";
import { colour, initials, visible } from "/text.js";

const PATHS = {
  add: "M12 5v14M5 12h14",
  away: "M12 7v5l3 3M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18",
  back: "M15 5l-7 7 7 7",
  check: "M5 12.5l4.5 4.5L19 7.5",
  checks: "M2 12.5l4.5 4.5L15 7.5M10.5 16l1 1L21 7.5",
  clock: "M12 7.5v5l3 2M12 3.5a8.500 8.500 0 1 0 0 17 8.500 8.500 0 0 0 0-17",
  close: "M6 6l12 12M18 6L6 18",
  copy: "M9 9h10v11H9zM6 15H5V4h10v2",
  down: "M6 9l6 6 6-6",
  emoji: "M12 3.500a8.500 8.500 0 1 0 0 17 8.500 8.500 0 0 0 0-17M8.500 14.500c1.800 2 5.200 2 7 0M9 9.500v.2M15 9.500v.2",
  invite: "M4 20c0-4 3-6 6-6s6 2 6 6M10 11a3.500 3.500 0 1 0 0-7 3.500 3.500 0 0 0 0 7M19 8v6M16 11h6",
  lock: "M6 11h12v9H6zM8.500 11V8a3.500 3.500 0 0 1 7 0v3",
  more: "M12 4.800a1.200 1.200 0 1 0 .01 0M12 10.800a1.200 1.200 0 1 0 .01 0M12 16.800a1.200 1.200 0 1 0 .01 0",
  qr: "M4 4h6v6H4zM14 4h6v6h-6zM4 14h6v6H4zM14 14h2v2h-2zM18 18h2v2h-2zM18 14h2M14 19v1",
  search: "M11 4.500a6.500 6.500 0 1 0 0 13 6.500 6.500 0 0 0 0-13M16 16l4.500 4.500",
  send: "M4 12l16-8-5 16-3-7z",
  settings: "M4 7h10M18 7h2M4 17h2M10 17h10M16 4.500v5M8 14.500v5",
  status: "M3 12h4l3-7 4 14 3-7h4",
  timer: "M12 8v5M9 3h6M12 5a8 8 0 1 0 0 16 8 8 0 0 0 0-16",
  verified: "M12 3l7 3v5c0 5-3 8-7 10-4-2-7-5-7-10V6zM8.500 12l2.500 2.500 4.500-5",
  warn: "M12 4l9 16H3zM12 10v5M12 17.500v.2",
};

export const Icon = ({ name }) => html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d=${PATHS[name]} /></svg>`;

/** Does what was chosen, and says what went wrong. */
export const attempt = async (act) => {
  try {
    await act();
  } catch (problem) {
    toast(trouble(problem), "bad");
  }
};

/** A button that is busy until what it does is done, and says what went wrong. */
export function Button({ act, label, icon, kind = "", children, disabled, ...rest }) {
  const [busy, setBusy] = useState(false);
  const alive = useRef(true);
  useEffect(() => () => { alive.current = false; }, []);
  const click = async () => {
    setBusy(true);
    await attempt(act);
    if (alive.current) setBusy(false);
  };
  return html`<button type="button" class=${`button ${kind}`} aria-label=${children ? undefined : label} title=${children ? undefined : label}
    disabled=${disabled || busy} aria-busy=${busy ? "true" : undefined} onClick=${click} ...${rest}>
    ${icon && html`<${Icon} name=${icon} />`}${children}</button>`;
}

/** A form whose one deed is done on Enter as well; what went wrong is said below it. */
export function Form({ act, submit, kind = "primary", children, disabled, class: name = "" }) {
  const [busy, setBusy] = useState(false);
  const [wrong, setWrong] = useState(null);
  const go = async (event) => {
    event.preventDefault();
    if (busy || disabled) return;
    setBusy(true);
    setWrong(null);
    try {
      await act();
    } catch (problem) {
      setWrong(trouble(problem));
    } finally {
      setBusy(false);
    }
  };
  return html`<form class=${`form ${name}`} onSubmit=${go}>
    ${children}
    <p class="wrong" role="alert">${wrong}</p>
    ${submit && html`<div class="row end"><button class=${`button ${kind}`} disabled=${busy || disabled} aria-busy=${busy ? "true" : undefined}>${busy ? t("busy") : submit}</button></div>`}
  </form>`;
}

let fields = 0;

export function Field({ label, hint, value, input, type = "text", area, ...rest }) {
  const id = useRef(`field-${fields += 1}`).current;
  const change = (event) => input(event.currentTarget.value);
  return html`<div class="field">
    <label for=${id}>${label}</label>
    ${area
      ? html`<textarea id=${id} dir="auto" autocomplete="off" rows="4" value=${value} onInput=${change} aria-describedby=${hint ? `${id}-hint` : undefined} ...${rest}></textarea>`
      : html`<input id=${id} type=${type} dir="auto" autocomplete="off" value=${value} onInput=${change} aria-describedby=${hint ? `${id}-hint` : undefined} ...${rest} />`}
    ${hint && html`<p class="hint" id=${`${id}-hint`}>${hint}</p>`}
  </div>`;
}

/** What is wished for is shown until it is done, or refused; then, what holds. */
function useWish(holds, act) {
  const [wish, setWish] = useState(null);
  const choose = async (wanted) => {
    setWish(wanted);
    await attempt(() => act(wanted));
    setWish(null);
  };
  return [wish ?? holds, choose];
}

export function Choice({ label, hint, value, options, choose, disabled }) {
  const id = useRef(`field-${fields += 1}`).current;
  const [shown, wish] = useWish(value, choose);
  return html`<div class="field">
    <label for=${id}>${label}</label>
    <select id=${id} value=${shown} disabled=${disabled} aria-describedby=${hint ? `${id}-hint` : undefined} onChange=${(event) => wish(event.currentTarget.value)}>
      ${options.map(([key, name]) => html`<option key=${key} value=${key}>${name}</option>`)}
    </select>
    ${hint && html`<p class="hint" id=${`${id}-hint`}>${hint}</p>`}
  </div>`;
}

export function Switch({ label, hint, on, turn, disabled }) {
  const id = useRef(`field-${fields += 1}`).current;
  const [shown, wish] = useWish(on, turn);
  return html`<div class="field switch">
    <label for=${id}>${label}</label>
    <input id=${id} type="checkbox" role="switch" checked=${shown} disabled=${disabled} aria-describedby=${hint ? `${id}-hint` : undefined}
      onChange=${(event) => wish(event.currentTarget.checked)} />
    ${hint && html`<p class="hint" id=${`${id}-hint`}>${hint}</p>`}
  </div>`;
}

/** A passphrase that can be looked at while it is typed. */
export function Secret({ label, hint, value, input, ...rest }) {
  const [shown, show] = useState(false);
  return html`<div class="secret">
    <${Field} label=${label} hint=${hint} value=${value} input=${input} type=${shown ? "text" : "password"}
      autocapitalize="off" spellcheck=${false} ...${rest} />
    <button type="button" class="button quiet small" aria-pressed=${shown ? "true" : "false"} onClick=${() => show(!shown)}>${t(shown ? "hide" : "show")}</button>
  </div>`;
}

export const Avatar = ({ id, name, small }) =>
  html`<span class=${`avatar c${colour(id)} ${small ? "small" : ""}`} aria-hidden="true">${initials(name)}</span>`;

/** A name, which cannot run into what stands beside it. */
export const Name = ({ children }) => html`<bdi class="name">${visible(children ?? "")}</bdi>`;

export function Presence({ contact }) {
  const known = contact.state === "accepted" ? contact.presence : "unknown";
  return html`<span class=${`dot ${known}`} role="img" aria-label=${t(`presence-${known}`)}></span>`;
}

/** What was done, or was not. Each window has a place for it: the others are neither seen nor read aloud below the topmost. */
export function Toasts({ within }) {
  const shown = state.dialogs.at(-1)?.key === within ? state.toasts : [];
  return html`<div class="toasts" role="status" aria-live="polite">
    ${shown.map(({ key, text, kind }) => html`<p key=${key} class=${`toast ${kind}`}>${text}</p>`)}</div>`;
}

/** The key of the window that something is drawn in. */
export const Within = createContext();

/** Closes the window that one is in, whichever is on top by then. */
export function useClose() {
  const key = useContext(Within);
  return () => closeDialog(key);
}

/** A window over the page, which holds the focus and goes by Escape. */
export function Dialog({ title, children, wide }) {
  const ref = useRef(null);
  const within = useContext(Within);
  const close = useClose();
  const id = useRef(`dialog-${fields += 1}`).current;
  useLayoutEffect(() => {
    const before = document.activeElement;
    ref.current.showModal();
    if (!ref.current.querySelector("[autofocus]")) ref.current.querySelector("h2").focus();
    return () => before?.focus?.();
  }, []);
  return html`<dialog ref=${ref} class=${wide ? "wide" : ""} aria-labelledby=${id}
    onCancel=${(event) => { event.preventDefault(); close(); }}
    onMouseDown=${(event) => { if (event.target === ref.current) close(); }}>
    <div class="sheet">
      <header><h2 id=${id} tabindex="-1">${title}</h2><${Button} kind="quiet" icon="close" label=${t("close")} act=${close} /></header>
      <div class="body">${children}</div>
    </div>
    <${Toasts} within=${within} />
  </dialog>`;
}

/** What went wrong inside is said instead of an empty page. */
export class Guard extends Component {
  componentDidCatch(error) {
    console.error(error);
    this.setState({ broken: true });
  }

  render({ children }, { broken }) {
    return broken
      ? html`<main class="center"><p>${t("broken")}</p><button class="button primary" onClick=${() => location.reload()}>${t("reload")}</button></main>`
      : children;
  }
}

export async function copy(text, said = t("copied")) {
  await navigator.clipboard.writeText(text);
  toast(said);
}

/** Saves a file that was made here. */
export function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
