// Says where a link in a text leads, before it is followed.

import { Button } from "../../components/button.js";
import { copyText, Dialog, useClose } from "../../components/dialog.js";
import { t } from "../../lib/l10n.js";
import { observer } from "../../lib/observer.js";
import { plainAddress } from "../../lib/text.js";
import { html } from "../../vendor/preact.js";

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

  return html`<${Dialog} title=${t("link-title")}>
    <p>${t("link-warning")}</p>
    <p class="address" dir="ltr">${link}</p>
    ${url && html`<p>${t("link-host")} <strong dir="ltr">${url.host}</strong></p>`}
    ${url && looksAlike && html`<p class="wrong">${t("link-alike")}</p>`}
    <div class="row end">
      <${Button} kind="primary" icon="copy" act=${copy}>${t("copy")}</${Button}>
      ${url && html`<${Button} act=${open}>${t("link-open")}</${Button}>`}
    </div>
  </${Dialog}>`;
});
