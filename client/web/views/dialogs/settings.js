// The settings dialog: its tabs. What they contain is in views/settings.

import { Dialog } from "../../components/dialog.js";
import { t } from "../../lib/l10n.js";
import { observer } from "../../lib/observer.js";
import { html, useState } from "../../vendor/preact.js";
import { AppearanceSettings, OwnerSettings, PrivacySettings } from "../settings/personal.js";
import { NetworkSettings, ProfileSettings } from "../settings/profile.js";

const PARTS = {
  you: OwnerSettings,
  look: AppearanceSettings,
  privacy: PrivacySettings,
  network: NetworkSettings,
  profile: ProfileSettings,
};
const NAMES = Object.keys(PARTS);
const STEPS = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 };

export const SettingsDialog = observer(({ open = "you" }) => {
  const [part, setPart] = useState(open);
  const Part = PARTS[part];
  const keyPressed = (event) => {
    const step = STEPS[event.key];
    if (!step) return;
    event.preventDefault();
    const next = NAMES[(NAMES.indexOf(part) + step + NAMES.length) % NAMES.length];
    setPart(next);
    event.currentTarget.querySelector(`#tab-${next}`)?.focus();
  };

  return html`<${Dialog} title=${t("settings")} wide>
    <div class="tabs" role="tablist" aria-label=${t("settings")} onKeyDown=${keyPressed}>
      ${NAMES.map(
        (name) => html`<button type="button" key=${name} role="tab" id=${`tab-${name}`}
          aria-controls="tab-panel" aria-selected=${part === name ? "true" : "false"}
          tabindex=${part === name ? 0 : -1} class="button quiet"
          onClick=${() => setPart(name)}>${t(`settings-${name}`)}</button>`,
      )}
    </div>
    <div role="tabpanel" id="tab-panel" aria-labelledby=${`tab-${part}`} tabindex="0"
      class="panel"><${Part} key=${part} /></div>
  </${Dialog}>`;
});
