// Asks before what cannot be undone.

import { html } from "/vendor/preact.js";
import { t } from "/l10n.js";
import { closeDialog, openDialog } from "/state.js";
import { Button, Dialog } from "/ui.js";

/** Asks a person; `act` is done only on yes. */
export const sure = (title, text, yes, act) => openDialog("sure", { title, text, yes, act });

export function SureDialog({ title, text, yes, act }) {
  const go = async () => {
    await act();
    closeDialog();
  };
  return html`<${Dialog} title=${title}><p>${text}</p>
    <div class="row end"><${Button} act=${closeDialog}>${t("no")}</${Button}><${Button} kind="danger" act=${go}>${yes}</${Button}></div></${Dialog}>`;
}
