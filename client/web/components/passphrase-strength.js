// How strong a passphrase is, in words and as a bar.

import { t } from "../lib/l10n.js";
import { score } from "../lib/passphrase-strength.js";
import { html } from "../vendor/preact.js";

export function PassphraseStrength({ passphrase }) {
  const n = score(passphrase);
  return html`<div class="strength" data-score=${n}>
    <meter min="0" max="4" low="2" high="3" optimum="4" value=${n}
      aria-label=${t("strength-label")}></meter>
    <span role="status">${t(`strength-${n}`)}</span>
  </div>`;
}
