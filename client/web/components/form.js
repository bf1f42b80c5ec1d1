// Forms and their fields.

import { describeProblem, t } from "../lib/l10n.js";
import { attempt } from "../state/toasts.js";
import { html, useRef, useState } from "../vendor/preact.js";

/** A form whose one deed is done on Enter as well; what went wrong is said below it. */
export function Form({ act, submit, kind = "primary", children, disabled, class: name = "" }) {
  const [isBusy, setBusy] = useState(false);
  const [wrong, setWrong] = useState(null);
  const go = async (event) => {
    event.preventDefault();
    if (isBusy || disabled) return;
    setBusy(true);
    setWrong(null);
    try {
      await act();
    } catch (problem) {
      setWrong(describeProblem(problem));
    } finally {
      setBusy(false);
    }
  };

  return html`<form class=${`form ${name}`} onSubmit=${go}>
    ${children}
    <p class="wrong" role="alert">${wrong}</p>
    <div class="row end">
      <button class=${`button ${kind}`} disabled=${isBusy || disabled}
        aria-busy=${isBusy ? "true" : undefined}>${isBusy ? t("busy") : submit}</button>
    </div>
  </form>`;
}

let fields = 0;

export function useFieldId() {
  const id = useRef(null);
  if (id.current === null) {
    fields += 1;
    id.current = `field-${fields}`;
  }
  return id.current;
}

const Hint = ({ id, children }) => html`<p class="hint" id=${`${id}-hint`}>${children}</p>`;

export function Field({ label, hint, value, input, type = "text", area, ...rest }) {
  const id = useFieldId();
  const common = {
    id,
    value,
    dir: "auto",
    autocomplete: "off",
    onInput: (event) => input(event.currentTarget.value),
    "aria-describedby": hint ? `${id}-hint` : undefined,
    ...rest,
  };

  return html`<div class="field">
    <label for=${id}>${label}</label>
    ${
      area
        ? html`<textarea rows="4" ...${common}></textarea>`
        : html`<input type=${type} ...${common} />`
    }
    ${hint && html`<${Hint} id=${id}>${hint}</${Hint}>`}
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

/** One of several: `options` are pairs of a value and what it is called. */
export function Choice({ label, hint, value, options, choose }) {
  const id = useFieldId();
  const [shown, wish] = useWish(value, choose);

  return html`<div class="field">
    <label for=${id}>${label}</label>
    <select id=${id} value=${shown}
      aria-describedby=${hint ? `${id}-hint` : undefined}
      onChange=${(event) => wish(event.currentTarget.value)}>
      ${options.map(([key, name]) => html`<option key=${key} value=${key}>${name}</option>`)}
    </select>
    ${hint && html`<${Hint} id=${id}>${hint}</${Hint}>`}
  </div>`;
}

export function Switch({ label, hint, on, turn }) {
  const id = useFieldId();
  const [shown, wish] = useWish(on, turn);

  return html`<div class="field switch">
    <label for=${id}>${label}</label>
    <input id=${id} type="checkbox" role="switch" checked=${shown}
      aria-describedby=${hint ? `${id}-hint` : undefined}
      onChange=${(event) => wish(event.currentTarget.checked)} />
    ${hint && html`<${Hint} id=${id}>${hint}</${Hint}>`}
  </div>`;
}

/** A passphrase, or another secret, that can be looked at while it is typed. */
export function SecretField({ label, hint, value, input, ...rest }) {
  const [isShown, show] = useState(false);

  return html`<div class="secret">
    <${Field} label=${label} hint=${hint} value=${value} input=${input}
      type=${isShown ? "text" : "password"} autocapitalize="off" spellcheck=${false} ...${rest} />
    <button type="button" class="button quiet small" aria-pressed=${isShown ? "true" : "false"}
      onClick=${() => show(!isShown)}>${t(isShown ? "hide" : "show")}</button>
  </div>`;
}
