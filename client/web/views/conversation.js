// The open conversation: contact, alarm, messages, and the composer to write new ones.

import { Button, Icon } from "../components/button.js";
import { Avatar, describePresence, Name, PresenceDot } from "../components/contact.js";
import { EmojiPicker } from "../components/emoji-picker.js";
import { duration, t } from "../lib/l10n.js";
import { observer } from "../lib/observer.js";
import { byteLength, oneLine } from "../lib/text.js";
import { contactOf, conversations } from "../state/conversations.js";
import { openDialog } from "../state/dialogs.js";
import { draftIn } from "../state/drafts.js";
import { closeConversation, onArrival, timeline } from "../state/messages.js";
import { alarmOf, closeAlarm } from "../state/preferences.js";
import { authorOf } from "../state/timeline.js";
import { html, useEffect, useLayoutEffect, useRef, useState } from "../vendor/preact.js";
import { MessageList } from "./message-list.js";

export const Conversation = observer(() => {
  const open = timeline.value;
  const conversation = conversations.value.get(open?.id);
  const contact = contactOf(conversation);
  if (!contact) return html`<section class="conversation none"><p>${t("choose")}</p></section>`;
  const label = t("conversation-with", { name: contact.name });
  return html`<section class="conversation" aria-label=${label}>
    <${Header} contact=${contact} conversation=${conversation} />
    <${Alarm} contact=${contact} />
    <${MessageList} contact=${contact} conversation=${conversation} timeline=${open} />
    <${Composer} contact=${contact} conversation=${conversation} />
    <${LiveRegion} conversation=${conversation.id} />
  </section>`;
});

const Header = observer(({ contact, conversation }) => {
  const openContact = () => openDialog("contact", { id: contact.id });
  return html`<header class="bar">
    <${Button} kind="quiet phone" icon="back" label=${t("back")}
      act=${() => closeConversation()} />
    <button type="button" class="person" onClick=${openContact}>
      <span class="face"><${Avatar} id=${contact.id} name=${contact.name} small /></span>
      <span class="what">
        <span class="line">
          <h1><${Name}>${contact.name}</${Name}></h1>
          ${
            contact.verified &&
            html`<span class="mark" role="img" aria-label=${t("verified")}>
              <${Icon} name="verified" />
            </span>`
          }
        </span>
        <span class="hint"><${PresenceDot} contact=${contact} /> ${describePresence(contact)}</span>
      </span>
    </button>
    <${DisappearTimer} conversation=${conversation} open=${openContact} />
    <${Button} kind="quiet" icon="more" label=${t("person")} act=${() => openContact()} />
  </header>`;
});

function DisappearTimer({ conversation, open }) {
  const after = conversation.settings.in_force.disappear_after;
  if (!after) return null;
  const label = t("disappear-now", { time: duration(after) });
  return html`<button type="button" class="button quiet timer" aria-label=${label} title=${label}
    onClick=${open}><${Icon} name="timer" />${duration(after)}</button>`;
}

const Alarm = observer(({ contact }) => {
  const kind = alarmOf(contact.id);
  if (!kind) return null;
  return html`<div class=${`alarm ${kind === "key" ? "bad" : ""}`} role="alert">
    <${Icon} name="warn" />
    <p>${t(`alarm-${kind}`, { name: contact.name })}</p>
    <${Button} kind="quiet" icon="close" label=${t("close")}
      act=${() => closeAlarm(contact.id)} />
  </div>`;
});

const LiveRegion = observer(({ conversation }) => {
  const [text, setText] = useState("");
  useEffect(
    () =>
      onArrival((message) => {
        if (message.conversation !== conversation) return;
        setText(`${t("from", { name: authorOf(message) })} ${oneLine(message.text)}`);
      }),
    [],
  );
  return html`<p class="unseen" role="status" aria-live="polite">${text}</p>`;
});

/** The longest text, in bytes, and how many are left when it is said how many. */
const LONGEST = 64_512;
const ALMOST = 2000;
const HIGHEST = 200;

const hasKeyboard = () => !matchMedia("(pointer: coarse)").matches;

const Composer = observer(({ contact, conversation }) => {
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
