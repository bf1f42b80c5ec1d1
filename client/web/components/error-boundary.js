// What went wrong inside is said instead of an empty page.

import { t } from "../lib/l10n.js";
import { Component, html } from "../vendor/preact.js";

export class ErrorBoundary extends Component {
  componentDidCatch(error) {
    console.error(error);
    this.setState({ isBroken: true });
  }

  render({ children }, { isBroken }) {
    if (!isBroken) return children;
    return html`<main class="center">
      <p>${t("broken")}</p>
      <button class="button primary" onClick=${() => location.reload()}>${t("reload")}</button>
    </main>`;
  }
}
