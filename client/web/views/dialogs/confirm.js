// Asks before what cannot be undone.

import { Button } from "../../components/button.js";
import { Dialog, useClose } from "../../components/dialog.js";
import { t } from "../../lib/l10n.js";
import { observer } from "../../lib/observer.js";
import { html } from "../../vendor/preact.js";

/** `act` is done only on yes. It goes with the contact `id`, if it is about one. */
export const ConfirmDialog = observer(({ title, text, yes, act }) => {
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
