// Asks before what cannot be undone.

import { html } from "/vendor/preact.js";
import { t } from "/l10n.js";
import { openDialog } from "/state.js";
import { Button, Dialog, useClose } from "/ui.js";

/** Asks a person; `act` is done only on yes. It goes with the contact `id`, if it is about one. */
export const sure = (title, text, yes, act, id) => openDialog("sure", { title, text, yes, act, id });

export function SureDialog({ title, text, yes, act }) {
  const close = useClose();
  const go = async () => {
    await act();
    close();
  };
  return html`<${Dialog} title=${title}><p>${text}</p>
    <div class="row end"><${Button} act=${close}>${t("no")}</${Button}><${Button} kind="danger" act=${go}>${yes}</${Button}></div></${Dialog}>`;
}
