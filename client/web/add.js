// Add somebody: by a link, a QR code or a name at a server. And what a link in a text leads to.

import { html, useState } from "/vendor/preact.js";
import { Problem, ask } from "/api.js";
import { t } from "/l10n.js";
import { Scanner } from "/qr.js";
import { trouble } from "/reasons.js";
import { contactAdded, openTalk, state, toast } from "/state.js";
import { plainAddress } from "/text.js";
import { Button, Dialog, Field, Form, copy, useClose } from "/ui.js";

const isHandle = (text) => /^[^\s:@]+@[^\s@]+$/u.test(text);

export function AddDialog({ link: given = "" }) {
  const [link, setLink] = useState(given);
  const [name, setName] = useState("");
  const [message, setMessage] = useState("");
  const close = useClose();
  const typed = link.trim();
  const add = async () => {
    const handle = isHandle(typed);
    const contact = await ask("POST", "/v1/contacts", {
      link: typed,
      ...(name.trim() && { name: name.trim() }),
      ...(handle && message.trim() && { message: message.trim() }),
    });
    // Events bring the conversation, too.
    await contactAdded(contact).catch(() => {});
    close();
    toast(t("add-done"));
    // The dialog is gone, and cannot say it.
    await openTalk(contact.conversation).catch((problem) => toast(trouble(problem), "bad"));
  };
  return html`<${Dialog} title=${t("add")}>
    <p>${t("add-text")}</p>
    <${Form} submit=${t("add-go")} disabled=${!typed} act=${add}>
      <${Field} area label=${t("add-link")} hint=${state.handles ? t("add-hint-handle") : t("add-hint")} value=${link} input=${setLink} rows="3" spellcheck=${false} autocapitalize="off" autofocus />
      <${Scanner} found=${(text) => setLink(text.toLowerCase())} />
      <${Field} label=${t("add-name")} hint=${t("add-name-hint")} value=${name} input=${setName} maxlength="64" />
      ${isHandle(typed) && html`<${Field} label=${t("add-message")} value=${message} input=${setMessage} maxlength="200" />`}
    </${Form}>
  </${Dialog}>`;
}

export function LinkDialog({ link }) {
  const url = plainAddress(link);
  const close = useClose();
  const open = async () => {
    if (!url) throw new Problem(0, "unknown", link);
    window.open(url.href, "_blank", "noopener,noreferrer");
    close();
  };
  return html`<${Dialog} title=${t("link-title")}>
    <p>${t("link-warning")}</p>
    <p class="address" dir="ltr">${link}</p>
    ${url && html`<p>${t("link-host")} <strong dir="ltr">${url.host}</strong></p>`}
    ${url && !/^[\x21-\x7e]*$/u.test(link) && html`<p class="wrong">${t("link-alike")}</p>`}
    <div class="row end"><${Button} kind="primary" icon="copy" act=${() => copy(link).then(close)}>${t("copy")}</${Button}>
      ${url && html`<${Button} act=${open}>${t("link-open")}</${Button}>`}</div>
  </${Dialog}>`;
}
