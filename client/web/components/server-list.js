// The presence servers, and how each of them is.

import { dayAndTime, t } from "../lib/l10n.js";
import { observer } from "../lib/observer.js";
import { reason } from "../lib/reasons.js";
import { servers } from "../state/servers.js";
import { html } from "../vendor/preact.js";
import { Button } from "./button.js";

const DOTS = {
  starting: "away",
  reachable: "online",
  unreachable: "offline",
  refused: "offline",
  untrusted: "offline",
};

/** With `remove`, each has a button that calls it with the server's address. */
export const ServerList = observer(({ remove }) => {
  if (!servers.value.length) return html`<p class="hint">${t("servers-none")}</p>`;
  return html`<ul class="plain">
    ${servers.value.map(
      (server) => html`<li key=${server.address} class="line server">
        <div>
          <p class="address" dir="ltr">${server.address}</p>
          <p class="hint"><span class=${`dot ${DOTS[server.state]}`}></span> ${describe(server)}</p>
        </div>
        <span class="grow"></span>
        ${
          remove &&
          html`<${Button} kind="small" act=${() => remove(server.address)}>
            ${t("remove")}
          </${Button}>`
        }
      </li>`,
    )}
  </ul>`;
});

function describe({ state, reason: why, announced_at: announcedAt }) {
  const cause = why ? `: ${reason(why)}` : "";
  const announced = announcedAt && t("server-announced", { when: dayAndTime(announcedAt) });
  return t(`server-${state}`) + cause + (announced ? ` · ${announced}` : "");
}
