// All dialogs by name, and the one that asks for confirmation.

import { Button } from "../../components/button.js";
import { Dialog, useClose } from "../../components/dialog.js";
import { t } from "../../lib/l10n.js";
import { observer } from "../../lib/observer.js";
import { html } from "../../vendor/preact.js";
import { AddDialog, LinkDialog, RequestsDialog } from "./add.js";
import { ContactDialog, VerifyDialog } from "./contact.js";
import { InviteDialog } from "./invite.js";
import { SettingsDialog } from "./settings.js";
import { StatusDialog } from "./status.js";

/** `act` is done only on yes. It goes with the contact `id`, if it is about one. */
const ConfirmDialog = observer(({ title, text, yes, act }) => {
  const close = useClose();
  const go = async () => {
    await act();
    close();
  };

  return html`<${Dialog} title=${title}>
    <p>${text}</p>
    <div class="row end">
      <${Button} act=${close}>${t("no")}</${Button}>
      <${Button} kind="danger" act=${go}>${yes}</${Button}>
    </div>
  </${Dialog}>`;
});

export const DIALOGS = {
  add: AddDialog,
  confirm: ConfirmDialog,
  contact: ContactDialog,
  invite: InviteDialog,
  link: LinkDialog,
  requests: RequestsDialog,
  settings: SettingsDialog,
  status: StatusDialog,
  verify: VerifyDialog,
};
