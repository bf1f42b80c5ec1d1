// Dialogs to add a contact by link, QR code or handle, to answer requests, and to open a URL from a
// message.

import { Button } from "../../components/button.js";
import { Avatar, Name } from "../../components/contact.js";
import { copyText, Dialog, useClose } from "../../components/dialog.js";
import { Field, Form } from "../../components/form.js";
import { QrScanner } from "../../components/qr-codes.js";
import { dayAndTime, t } from "../../lib/l10n.js";
import { observer } from "../../lib/observer.js";
import { plainAddress, visible } from "../../lib/text.js";
import { addContact } from "../../state/conversations.js";
import { handles } from "../../state/handles.js";
import { openConversation } from "../../state/messages.js";
import { answerRequest, requests } from "../../state/requests.js";
import { attempt, showToast } from "../../state/toasts.js";
import { html, useState } from "../../vendor/preact.js";

const isHandle = (text) => /^[^\s:@]+@[^\s@]+$/u.test(text);

export const AddDialog = observer(({ link: given = "" }) => {
  const [typed, setTyped] = useState(given);
  const [name, setName] = useState("");
  const [message, setMessage] = useState("");
  const close = useClose();
  const link = typed.trim();
  const add = async () => {
    const contact = await addContact({
      link,
      ...(name.trim() && { name: name.trim() }),
      ...(isHandle(link) && message.trim() && { message: message.trim() }),
    });
    close();
    showToast(t("add-done"));
    // The dialog is gone, and cannot say what goes wrong.
    await attempt(() => openConversation(contact.conversation));
  };

  return html`<${Dialog} title=${t("add")}>
    <p>${t("add-text")}</p>
    <${Form} submit=${t("add-go")} disabled=${!link} act=${add}>
      <${Field} area label=${t("add-link")} value=${typed} input=${setTyped} rows="3"
        hint=${t(handles.value ? "add-hint-handle" : "add-hint")}
        spellcheck=${false} autocapitalize="off" autofocus />
      <${QrScanner} onFound=${(text) => setTyped(text.toLowerCase())} />
      <${Field} label=${t("add-name")} hint=${t("add-name-hint")} value=${name}
        input=${setName} maxlength="64" />
      ${
        isHandle(link) &&
        html`<${Field} label=${t("add-message")} value=${message} input=${setMessage}
          maxlength="200" />`
      }
    </${Form}>
  </${Dialog}>`;
});

export const LinkDialog = observer(({ link }) => {
  const url = plainAddress(link);
  const looksAlike = !/^[\x21-\x7e]*$/u.test(link);
  const close = useClose();
  const copy = async () => {
    await copyText(link);
    close();
  };
  const open = async () => {
    window.open(url.href, "_blank", "noopener,noreferrer");
    close();
  };

  return html`<${Dialog} title=${t("url-title")}>
    <p>${t("url-warning")}</p>
    <p class="address" dir="ltr">${link}</p>
    ${url && html`<p>${t("url-host")} <strong dir="ltr">${url.host}</strong></p>`}
    ${url && looksAlike && html`<p class="wrong">${t("url-alike")}</p>`}
    <div class="row end">
      <${Button} kind="primary" icon="copy" act=${copy}>${t("copy")}</${Button}>
      ${url && html`<${Button} act=${open}>${t("url-open")}</${Button}>`}
    </div>
  </${Dialog}>`;
});

export const RequestsDialog = observer(() => {
  const waiting = requests.value ?? [];
  return html`<${Dialog} title=${t("requests")}>
    <p>${t(waiting.length ? "requests-text" : "requests-none")}</p>
    <ul class="plain">
      ${waiting.map((request) => html`<${Request} key=${request.id} request=${request} />`)}
    </ul>
  </${Dialog}>`;
});

const Request = observer(({ request }) => {
  const { id, name, message, handle, received_at: at } = request;
  return html`<li class="request">
    <div class="line">
      <${Avatar} id=${id} name=${name} />
      <div>
        <${Name}>${name}</${Name}>
        <p class="hint">${t("request-by", { handle, when: dayAndTime(at) })}</p>
      </div>
    </div>
    ${message && html`<blockquote dir="auto">${visible(message)}</blockquote>`}
    <div class="row">
      <${Button} kind="primary" act=${() => answerRequest(id, "accept")}>${t("accept")}</${Button}>
      <${Button} act=${() => answerRequest(id, "decline")}>${t("decline")}</${Button}>
      <${Button} kind="danger" act=${() => answerRequest(id, "block")}>${t("block")}</${Button}>
    </div>
  </li>`;
});
