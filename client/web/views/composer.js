// Where more is written.

import { describePresence } from "../components/contact.js";
import { EmojiPicker } from "../components/emoji-picker.js";
import { Icon } from "../components/icon.js";
import { t } from "../lib/l10n.js";
import { observer } from "../lib/observer.js";
import { byteLength } from "../lib/text.js";
import { draftIn } from "../state/drafts.js";
import { html, useEffect, useLayoutEffect, useRef } from "../vendor/preact.js";

/** The longest text, in bytes, and how many are left when it is said how many. */
const LONGEST = 64_512;
const ALMOST = 2000;
/** How high the field grows, in pixels. */
const HIGHEST = 200;

const hasKeyboard = () => !matchMedia("(pointer: coarse)").matches;

export const Composer = observer(({ contact, conversation }) => {
  // A contact that accepts meanwhile does not take the focus from somewhere else.
  const takesFocus = useRef(contact.state === "accepted").current;
  if (contact.state !== "accepted") {
    const isBlocked = contact.state === "blocked";
    return html`<p class="composer closed">
      ${isBlocked ? t("blocked-long") : describePresence(contact)}
    </p>`;
  }
  return html`<${OpenComposer} name=${contact.name} conversation=${conversation.id}
    takesFocus=${takesFocus} />`;
});

const OpenComposer = observer(({ name, conversation, takesFocus }) => {
  const draft = draftIn(conversation);
  const text = draft.text.value;
  const field = useRef(null);
  useEffect(
    () => () => {
      draft.keep();
    },
    [],
  );
  useLayoutEffect(() => {
    if (takesFocus && hasKeyboard()) field.current.focus();
  }, []);
  useLayoutEffect(() => {
    const { style } = field.current;
    style.height = "auto";
    style.height = `${Math.min(field.current.scrollHeight + 2, HIGHEST)}px`;
  }, [text]);

  const send = () => {
    const { value } = draft.text;
    if (!value.trim() || byteLength(value) > LONGEST) return;
    draft.send();
    field.current.focus();
  };
  const submitted = (event) => {
    event.preventDefault();
    send();
  };
  const keyPressed = (event) => {
    if (event.key !== "Enter" || event.isComposing || event.shiftKey) return;
    if (!hasKeyboard() && !event.ctrlKey) return;
    event.preventDefault();
    send();
  };
  const insert = (emoji) => {
    const { selectionStart: from, selectionEnd: to } = field.current;
    const { value } = draft.text;
    draft.write(value.slice(0, from) + emoji + value.slice(to));
    field.current.focus();
  };
  const left = LONGEST - byteLength(text);

  return html`<form class="composer" onSubmit=${submitted}>
    <${EmojiPicker} choose=${insert} />
    <textarea ref=${field} rows="1" dir="auto" autocomplete="off"
      aria-label=${t("write-to", { name })} placeholder=${t("write")} value=${text}
      onInput=${(event) => draft.write(event.currentTarget.value)} onKeyDown=${keyPressed}
      onBlur=${() => draft.keep()}></textarea>
    ${
      left < ALMOST &&
      html`<span class=${left < 0 ? "count bad" : "count"} role="status">
        ${t("left", { n: left })}
      </span>`
    }
    <button class="button primary round" aria-label=${t("send")} title=${t("send")}
      disabled=${!text.trim() || left < 0}><${Icon} name="send" /></button>
  </form>`;
});
