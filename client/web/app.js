// Entry point of the page: trades the token in its address for a pass, connects to the node, and
// draws the onboarding or the conversations.

import { DialogKey, Toasts } from "./components/dialog.js";
import { enterWithToken } from "./lib/api.js";
import { setLanguage, startClock, t } from "./lib/l10n.js";
import { observer } from "./lib/observer.js";
import { dialogs } from "./state/dialogs.js";
import { keepDrafts } from "./state/drafts.js";
import { timeline } from "./state/messages.js";
import { preference } from "./state/preferences.js";
import { isConnected, lastError, stage } from "./state/session.js";
import { connect } from "./state/sync.js";
import { Component, html, render } from "./vendor/preact.js";
import { effect } from "./vendor/signals.js";
import { Conversation } from "./views/conversation.js";
import { DIALOGS } from "./views/dialogs/index.js";
import { startNotifications } from "./views/notifications.js";
import { Onboarding } from "./views/onboarding.js";
import { Sidebar } from "./views/sidebar.js";

class ErrorBoundary extends Component {
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

const App = observer(() => {
  if (stage.value !== "ready") {
    return html`<${ErrorBoundary}><${Onboarding} /><${Toasts} /></${ErrorBoundary}>`;
  }
  return html`<${ErrorBoundary}>
    <${ConnectionBanner} />
    <${Shell} />
    <${Dialogs} />
    <${Toasts} />
  </${ErrorBoundary}>`;
});

const ConnectionBanner = observer(() => {
  if (isConnected.value) return null;
  return html`<p class="banner" role="alert">${t("reconnecting")}</p>`;
});

const Shell = observer(() => {
  const id = timeline.value?.id ?? "";
  return html`<main class=${`shell ${id ? "in-conversation" : ""}`}>
    <${Sidebar} />
    <${Conversation} key=${id} />
  </main>`;
});

const Dialogs = observer(() =>
  dialogs.value.map(
    ({ name, values, key }) => html`<${DialogKey.Provider} key=${key} value=${key}>
      <${DIALOGS[name]} ...${values} />
    </${DialogKey.Provider}>`,
  ),
);

function showTheme() {
  const theme = stage.value === "ready" ? preference("theme") : "";
  if (theme) document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
}

async function start() {
  await setLanguage();
  render(html`<${App} />`, document.getElementById("app"));
  effect(showTheme);
  startNotifications();
  startClock();
  addEventListener("pagehide", () => keepDrafts({ keepalive: true }));

  const refused = await enterWithToken().catch((problem) => problem);
  // Whoever came in before is let in by that, whatever the address says.
  await connect();
  if (refused && stage.value === "out") lastError.value = refused;
}

start();
