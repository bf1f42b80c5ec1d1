// How the page looks and what it speaks, and which keys it knows.

import { Choice } from "../../components/form.js";
import { LANGUAGES, setLanguage, t } from "../../lib/l10n.js";
import { observer } from "../../lib/observer.js";
import { preference, setPreference } from "../../state/preferences.js";
import { html } from "../../vendor/preact.js";

const THEMES = [
  ["", "theme-system"],
  ["light", "theme-light"],
  ["dark", "theme-dark"],
];

export const AppearanceSettings = observer(() => {
  const changeLanguage = async (tag) => {
    await setPreference("language", tag);
    await setLanguage(tag);
  };
  return html`
    <${Choice} label=${t("theme")} value=${preference("theme")}
      choose=${(theme) => setPreference("theme", theme)}
      options=${THEMES.map(([theme, name]) => [theme, t(name)])} />
    <${Choice} label=${t("language")} value=${preference("language")} choose=${changeLanguage}
      options=${[["", t("language-browser")], ...Object.entries(LANGUAGES)]} />
    <h3>${t("keys")}</h3>
    <dl>
      <dt><kbd>Ctrl</kbd> <kbd>K</kbd></dt><dd>${t("keys-search")}</dd>
      <dt><kbd>Alt</kbd> <kbd>↑</kbd> <kbd>↓</kbd></dt><dd>${t("keys-next")}</dd>
      <dt><kbd>Enter</kbd></dt><dd>${t("keys-send")}</dd>
      <dt><kbd>Shift</kbd> <kbd>Enter</kbd></dt><dd>${t("keys-line")}</dd>
      <dt><kbd>Esc</kbd></dt><dd>${t("keys-close")}</dd>
    </dl>`;
});
