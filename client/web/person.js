// One person: who it is, what may happen to messages, and the proof that nobody stands between.

import { html, useState } from "/vendor/preact.js";
import { ask, contactPath, conversationPath } from "/api.js";
import { dayAndTime, duration, t } from "/l10n.js";
import { isWanted, setWanted } from "/presence.js";
import { Code, Scanner } from "/qr.js";
import { conversationOf, openDialog, removed, state, takeContact, takeConversation, toast } from "/state.js";
import { sure } from "/sure.js";
import { seen } from "/talk.js";
import { groups, visible } from "/text.js";
import { Avatar, Button, Choice, Dialog, Field, Form, Icon, Name, Switch, attempt } from "/ui.js";

const TIMERS = [0, 30, 300, 3600, 86_400, 604_800, 2_592_000];
const KEEP = [0, 86_400, 604_800, 2_592_000, 31_536_000];

const change = (id, what) => takeContact(id, ask("PATCH", contactPath(id), what));
const changeConversation = (id, what) => takeConversation(id, ask("PATCH", conversationPath(id), what));

const times = (list, now, never) => [...new Set([...list, now])].sort((one, other) => one - other)
  .map((n) => [String(n), n ? duration(n) : never]);

export function PersonDialog({ id }) {
  const contact = state.contacts.get(id);
  const conversation = contact && conversationOf(contact);
  if (!conversation) return null;
  const { retain = 0 } = conversation;
  const accepted = contact.state === "accepted";
  return html`<${Dialog} title=${t("person")}>
    <div class="line"><${Avatar} id=${id} name=${contact.name} /><div><strong><${Name}>${contact.name}</${Name}></strong><p class="hint">${seen(contact)}</p></div></div>
    ${contact.shared_name && contact.shared_name !== contact.name && html`<p class="hint">${t("person-calls-itself")} <bdi>${visible(contact.shared_name)}</bdi></p>`}
    ${contact.safety_number && html`<div class="row"><${Button} icon="verified" act=${async () => openDialog("verify", { id })}>${t(contact.verified ? "person-verified" : "person-verify")}</${Button}></div>`}
    <${Rename} contact=${contact} />
    ${accepted && html`<${Agreed} conversation=${conversation} />`}
    <${Choice} label=${t("retain")} hint=${t("retain-hint")} value=${String(retain)} options=${times(KEEP, retain, t("for-ever"))}
      choose=${(n) => changeConversation(conversation.id, { retain: Number(n) })} />
    ${accepted && html`<${Switch} label=${t("wanted")} hint=${t("wanted-hint")} on=${isWanted(id)} turn=${(on) => setWanted(id, on)} />`}
    ${contact.presence_hidden !== undefined && html`<${Switch} label=${t("hide-presence")} hint=${t("hide-presence-hint")} on=${contact.presence_hidden} turn=${(on) => change(id, { presence_hidden: on })} />`}
    <p class="hint">${t("person-since", { when: dayAndTime(contact.created_at) })}</p>
    <div class="row">
      ${contact.state === "blocked"
        ? html`<${Button} act=${() => change(id, { blocked: false })}>${t("unblock")}</${Button}>`
        : html`<${Button} kind="danger" act=${async () => sure(t("block"), t("block-sure", { name: contact.name }), t("block"), () => change(id, { blocked: true }), id)}>${t("block")}</${Button}>`}
      <${Button} kind="danger" act=${async () => sure(t("remove"), t("remove-sure", { name: contact.name }), t("remove"), () => remove(contact), id)}>${t("remove")}</${Button}>
    </div>
  </${Dialog}>`;
}

async function remove({ id, conversation }) {
  await ask("DELETE", contactPath(id));
  removed(id, conversation);
}

function Rename({ contact }) {
  const [name, setName] = useState(contact.name);
  const act = async () => {
    await change(contact.id, { name: name.trim() });
    toast(t("saved"));
  };
  return html`<${Form} class="inline" submit=${t("rename")} kind="" disabled=${!name.trim() || name === contact.name} act=${act}>
    <${Field} label=${t("person-name")} value=${name} input=${setName} maxlength="64" /></${Form}>`;
}

/** What both let happen to messages: what we want, what the other wants, what holds. */
function Agreed({ conversation: { id, settings } }) {
  const { ours, theirs, in_force: now, confirmed } = settings;
  const time = (n) => (n ? duration(n) : t("never"));
  const wants = !confirmed && (ours.disappear_after || ours.read_receipts) ? t("terms-untold") : "";
  return html`<${Choice} label=${t("disappear")} hint=${`${t("disappear-hint", { theirs: time(theirs.disappear_after), now: time(now.disappear_after) })} ${wants}`}
      value=${String(ours.disappear_after)} options=${times(TIMERS, ours.disappear_after, t("never"))} choose=${(n) => changeConversation(id, { disappear_after: Number(n) })} />
    <${Switch} label=${t("receipts")} hint=${t(theirs.read_receipts ? "receipts-theirs-on" : "receipts-theirs-off")} on=${ours.read_receipts}
      turn=${(on) => changeConversation(id, { read_receipts: on })} />`;
}

/** What both see alike: as digits to read aloud, and as a code to scan. */
export function VerifyDialog({ id }) {
  const contact = state.contacts.get(id);
  const [result, setResult] = useState(null);
  if (!contact?.safety_number) return null;
  const digits = contact.safety_number.replace(/\s/gu, "");
  const scanned = (text) => attempt(async () => {
    const fits = text.replace(/\D/gu, "") === digits && /^chive-number:/iu.test(text);
    setResult(null);
    if (fits) await change(id, { verified: true });
    setResult(fits ? "verify-fits" : "verify-differs");
  });
  return html`<${Dialog} title=${t("verify-title", { name: contact.name })}>
    <p>${t("verify-text", { name: contact.name })}</p>
    <p class="digits" dir="ltr" role="group" aria-label=${t("safety-number")}>${groups(contact.safety_number).map((group) => html`<span key=${group}>${group} </span>`)}</p>
    <${Code} text=${`CHIVE-NUMBER:${digits}`} label=${t("verify-code")} name="chive-number" more=${false} />
    <${Scanner} found=${scanned} />
    ${result && html`<p class=${result === "verify-fits" ? "good" : "wrong"} role="alert">${t(result)}</p>`}
    <div class="row end">${contact.verified
      ? html`<span class="mark"><${Icon} name="verified" /> ${t("verified")}</span><${Button} act=${() => change(id, { verified: false })}>${t("verify-undo")}</${Button}>`
      : html`<${Button} kind="primary" act=${() => change(id, { verified: true })}>${t("verify-same")}</${Button}>`}</div>
  </${Dialog}>`;
}
