// The open conversation: with whom it is, what must not be overlooked, and its parts.

import { Button } from "../components/button.js";
import { Avatar, describePresence, Name, PresenceDot } from "../components/contact.js";
import { Icon } from "../components/icon.js";
import { duration, t } from "../lib/l10n.js";
import { observer } from "../lib/observer.js";
import { contactOf, conversations } from "../state/conversations.js";
import { openDialog } from "../state/dialogs.js";
import { closeConversation, timeline } from "../state/messages.js";
import { alarmOf, closeAlarm } from "../state/preferences.js";
import { html } from "../vendor/preact.js";
import { Composer } from "./composer.js";
import { LiveRegion } from "./live-region.js";
import { MessageList } from "./message-list.js";

export const Conversation = observer(() => {
  const open = timeline.value;
  const conversation = conversations.value.get(open?.id);
  const contact = contactOf(conversation);
  if (!contact) return html`<section class="talk none"><p>${t("choose")}</p></section>`;
  return html`<section class="talk" aria-label=${t("talk-with", { name: contact.name })}>
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
      act=${async () => closeConversation()} />
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
    <${Button} kind="quiet" icon="more" label=${t("person")} act=${async () => openContact()} />
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
