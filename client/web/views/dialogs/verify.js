// The proof that nobody stands between: what both see alike, as digits to read aloud and as a code.

import { Button } from "../../components/button.js";
import { Dialog } from "../../components/dialog.js";
import { Icon } from "../../components/icon.js";
import { QrCode } from "../../components/qr-code.js";
import { QrScanner } from "../../components/qr-scanner.js";
import { t } from "../../lib/l10n.js";
import { observer } from "../../lib/observer.js";
import { groups } from "../../lib/text.js";
import { changeContact, contacts } from "../../state/contacts.js";
import { attempt } from "../../state/toasts.js";
import { html, useState } from "../../vendor/preact.js";

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
