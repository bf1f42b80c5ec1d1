// Adds somebody: by a link, a QR code, or a handle.

import { Dialog, useClose } from "../../components/dialog.js";
import { Field, Form } from "../../components/form.js";
import { QrScanner } from "../../components/qr-scanner.js";
import { t } from "../../lib/l10n.js";
import { observer } from "../../lib/observer.js";
import { addContact } from "../../state/conversations.js";
import { handles } from "../../state/handles.js";
import { openConversation } from "../../state/messages.js";
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
