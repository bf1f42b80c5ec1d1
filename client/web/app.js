// Where the page begins: it shows its pass, finds out how far the profile is, and draws what is known.

import { html, render, useEffect, useState } from "/vendor/preact.js";
import { enter } from "/api.js";
import { Begin } from "/begin.js";
import { dialogs } from "/dialogs.js";
import { speak, t } from "/l10n.js";
import { List } from "/list.js";
import { watch } from "/presence.js";
import { begin, set, setting, state, subscribe } from "/state.js";
import { Talk } from "/talk.js";
import { Guard, Toasts, Within } from "/ui.js";

function Shell() {
  return html`<main class=${`shell ${state.talk ? "talking" : ""}`}>
    <${List} />
    <${Talk} key=${state.talk?.id ?? ""} />
  </main>`;
}

function App() {
  const [, draw] = useState(0);
  useEffect(() => {
    const again = () => draw((n) => n + 1);
    const stop = subscribe(again);
    // An effect runs after the first drawing: what changed since then is drawn now.
    again();
    return () => { stop(); };
  }, []);
  useEffect(() => {
    const theme = state.stage === "ready" ? setting("theme") : "";
    if (theme) document.documentElement.dataset.theme = theme;
    else delete document.documentElement.dataset.theme;
  });
  if (state.stage !== "ready") return html`<${Guard}><${Begin} /><${Toasts} /></${Guard}>`;
  return html`<${Guard}>
    ${!state.connected && html`<p class="banner" role="alert">${t("reconnecting")}</p>`}
    <${Shell} />
    ${state.dialogs.map(({ name, values, key }) => html`<${Within.Provider} key=${key} value=${key}><${dialogs[name]} ...${values} /></${Within.Provider}>`)}
    <${Toasts} />
  </${Guard}>`;
}

async function start() {
  await speak();
  render(html`<${App} />`, document.getElementById("app"));
  watch();
  const refused = await enter().catch((problem) => problem);
  // Whoever came in before is let in by that, whatever the address says.
  await begin();
  if (refused && state.stage === "out") set({ trouble: refused });
}

start();
