// Dialogs about one contact: its details, its settings, blocking and removal; its safety number.

import { Button, Icon } from "../../components/button.js";
import { Avatar, describePresence, Name } from "../../components/contact.js";
import { Dialog } from "../../components/dialog.js";
import { Choice, Field, Form, Switch } from "../../components/form.js";
import { QrCode, QrScanner } from "../../components/qr-codes.js";
import { dayAndTime, duration, t } from "../../lib/l10n.js";
import { observer } from "../../lib/observer.js";
import { groups, visible } from "../../lib/text.js";
import { changeContact, contacts, deleteContact } from "../../state/contacts.js";
import { changeConversation, conversationOf } from "../../state/conversations.js";
import { openDialog } from "../../state/dialogs.js";
import { hasOnlineAlert, setOnlineAlert } from "../../state/preferences.js";
import { applyEvent } from "../../state/sync.js";
import { attempt, showToast } from "../../state/toasts.js";
import { html, useState } from "../../vendor/preact.js";

/** How long messages may be there, in seconds; 0 for ever. */
const DISAPPEAR_AFTER = [0, 30, 300, 3600, 86_400, 604_800, 2_592_000];
const RETAIN = [0, 86_400, 604_800, 2_592_000, 31_536_000];

/** The times to choose from, with the chosen one, whatever it is. */
function timeOptions(times, chosen, never) {
  const all = [...new Set([...times, chosen])].sort((one, other) => one - other);
  return all.map((n) => [String(n), n ? duration(n) : never]);
}

export const ContactDialog = observer(({ id }) => {
  const contact = contacts.value.get(id);
  const conversation = contact && conversationOf(contact);
  if (!conversation) return null;
  const { retain = 0 } = conversation;
  const isAccepted = contact.state === "accepted";
  const { presence_hidden: isHidden, created_at: since } = contact;

  return html`<${Dialog} title=${t("person")}>
    <${WhoItIs} contact=${contact} />
    <${Rename} contact=${contact} />
    ${isAccepted && html`<${SharedSettings} conversation=${conversation} />`}
    <${Choice} label=${t("retain")} hint=${t("retain-hint")} value=${String(retain)}
      options=${timeOptions(RETAIN, retain, t("for-ever"))}
      choose=${(n) => changeConversation(conversation.id, { retain: Number(n) })} />
    ${
      isAccepted &&
      html`<${Switch} label=${t("wanted")} hint=${t("wanted-hint")} on=${hasOnlineAlert(id)}
        turn=${(on) => setOnlineAlert(id, on)} />`
    }
    ${
      isHidden !== undefined &&
      html`<${Switch} label=${t("hide-presence")} hint=${t("hide-presence-hint")} on=${isHidden}
        turn=${(on) => changeContact(id, { presence_hidden: on })} />`
    }
    <p class="hint">${t("person-since", { when: dayAndTime(since) })}</p>
    <${Separation} contact=${contact} />
  </${Dialog}>`;
});

const WhoItIs = observer(({ contact }) => {
  const { id, name, shared_name: sharedName, safety_number: number, verified } = contact;
  const verify = () => openDialog("verify", { id });
  return html`
    <div class="line">
      <${Avatar} id=${id} name=${name} />
      <div>
        <strong><${Name}>${name}</${Name}></strong>
        <p class="hint">${describePresence(contact)}</p>
      </div>
    </div>
    ${
      sharedName &&
      sharedName !== name &&
      html`<p class="hint">${t("person-calls-itself")} <bdi>${visible(sharedName)}</bdi></p>`
    }
    ${
      number &&
      html`<div class="row">
        <${Button} icon="verified" act=${verify}>
          ${t(verified ? "person-verified" : "person-verify")}
        </${Button}>
      </div>`
    }`;
});

const Rename = observer(({ contact }) => {
  const [name, setName] = useState(contact.name);
  const rename = async () => {
    await changeContact(contact.id, { name: name.trim() });
    showToast(t("saved"));
  };
  return html`<${Form} class="inline" submit=${t("rename")} kind="" act=${rename}
    disabled=${!name.trim() || name === contact.name}>
    <${Field} label=${t("person-name")} value=${name} input=${setName} maxlength="64" />
  </${Form}>`;
});

/** What both let happen to messages: what we want, what the other wants, what holds. */
const SharedSettings = observer(({ conversation: { id, settings } }) => {
  const { ours, theirs, in_force: now, confirmed } = settings;
  const time = (n) => (n ? duration(n) : t("never"));
  const both = { theirs: time(theirs.disappear_after), now: time(now.disappear_after) };
  const isUntold = !confirmed && (ours.disappear_after || ours.read_receipts);

  return html`
    <${Choice} label=${t("disappear")} value=${String(ours.disappear_after)}
      hint=${`${t("disappear-hint", both)} ${isUntold ? t("settings-untold") : ""}`}
      options=${timeOptions(DISAPPEAR_AFTER, ours.disappear_after, t("never"))}
      choose=${(n) => changeConversation(id, { disappear_after: Number(n) })} />
    <${Switch} label=${t("receipts")} on=${ours.read_receipts}
      hint=${t(theirs.read_receipts ? "receipts-theirs-on" : "receipts-theirs-off")}
      turn=${(on) => changeConversation(id, { read_receipts: on })} />`;
});

const Separation = observer(({ contact: { id, name, state, conversation } }) => {
  const block = () =>
    openDialog("confirm", {
      id,
      title: t("block"),
      text: t("block-confirm", { name }),
      yes: t("block"),
      act: () => changeContact(id, { blocked: true }),
    });
  const remove = () =>
    openDialog("confirm", {
      id,
      title: t("remove"),
      text: t("remove-confirm", { name }),
      yes: t("remove"),
      act: async () => {
        await deleteContact(id);
        applyEvent({ type: "contact_removed", id, conversation });
      },
    });
  const unblock = () => changeContact(id, { blocked: false });

  return html`<div class="row">
    ${
      state === "blocked"
        ? html`<${Button} act=${unblock}>${t("unblock")}</${Button}>`
        : html`<${Button} kind="danger" act=${block}>${t("block")}</${Button}>`
    }
    <${Button} kind="danger" act=${remove}>${t("remove")}</${Button}>
  </div>`;
});

const PREFIX = "CHIVE-NUMBER:";

export const VerifyDialog = observer(({ id }) => {
  const contact = contacts.value.get(id);
  const [result, setResult] = useState(null);
  if (!contact?.safety_number) return null;
  const { name, safety_number: number, verified } = contact;
  const digits = number.replace(/\s/gu, "");
  const verify = (isVerified) => changeContact(id, { verified: isVerified });
  const compare = async (text) => {
    const isNumber = text.toUpperCase().startsWith(PREFIX);
    const fits = isNumber && text.replace(/\D/gu, "") === digits;
    setResult(null);
    if (fits) await verify(true);
    setResult(fits ? "verify-fits" : "verify-differs");
  };

  return html`<${Dialog} title=${t("verify-title", { name })}>
    <p>${t("verify-text", { name })}</p>
    <p class="digits" dir="ltr" role="group" aria-label=${t("safety-number")}>
      ${groups(number).map((group) => html`<span key=${group}>${group} </span>`)}
    </p>
    <${QrCode} text=${PREFIX + digits} label=${t("verify-code")} name="chive-number" isPlain />
    <${QrScanner} onFound=${(text) => attempt(() => compare(text))} />
    ${
      result &&
      html`<p class=${result === "verify-fits" ? "good" : "wrong"} role="alert">${t(result)}</p>`
    }
    <div class="row end">
      ${
        verified
          ? html`<span class="mark"><${Icon} name="verified" /> ${t("verified")}</span>
            <${Button} act=${() => verify(false)}>${t("verify-undo")}</${Button}>`
          : html`<${Button} kind="primary" act=${() => verify(true)}>
              ${t("verify-same")}
            </${Button}>`
      }
    </div>
  </${Dialog}>`;
});
