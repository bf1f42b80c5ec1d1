// The status dialog: Tor, onion services, presence servers, and why messages wait.

import { Button } from "../../components/button.js";
import { Name } from "../../components/contact.js";
import { Dialog, useClose } from "../../components/dialog.js";
import { dayAndTime, describeReason, t } from "../../lib/l10n.js";
import { observer } from "../../lib/observer.js";
import { reasonOf } from "../../state/contacts.js";
import { contactOf, conversations } from "../../state/conversations.js";
import { openDialog } from "../../state/dialogs.js";
import { openConversation } from "../../state/messages.js";
import { servers } from "../../state/servers.js";
import { status } from "../../state/status.js";
import { html, useEffect, useState } from "../../vendor/preact.js";

const SERVICE_DOTS = {
  closed: "away",
  starting: "away",
  reachable: "online",
  unreachable: "offline",
};

const ASK_WHY_EVERY = 5000;

export const StatusDialog = observer(() => {
  const { contacts, online, started_at: startedAt, version, endpoint, front_door } = status.value;
  const waits = (conversation) => conversation.waiting > 0 && contactOf(conversation);
  const waiting = [...conversations.value.values()].filter(waits);

  return html`<${Dialog} title=${t("status")}>
    <h3>${t("tor")}</h3>
    <${Tor} />
    <dl>
      <dt>${t("endpoint")}</dt><dd><${Service} state=${endpoint} /></dd>
      <dt>${t("front-door")}</dt><dd><${Service} state=${front_door} /></dd>
      <dt>${t("contacts")}</dt><dd>${t("contacts-online", { n: contacts, online })}</dd>
      <dt>${t("started")}</dt><dd>${dayAndTime(startedAt)}</dd>
      <dt>${t("version")}</dt><dd dir="ltr">${version}</dd>
    </dl>
    ${servers.value && html`<h3>${t("servers")}</h3><${ServerList} />`}
    <h3>${t("waiting")}</h3>
    ${waiting.length === 0 && html`<p>${t("nothing-waits")}</p>`}
    <ul class="plain">
      ${waiting.map(
        (conversation) => html`<${WaitingConversation} key=${conversation.id}
          conversation=${conversation} contact=${contactOf(conversation)} />`,
      )}
    </ul>
  </${Dialog}>`;
});

const Tor = observer(() => {
  const { ready, stalled, summary, percent } = status.value.tor;
  const dot = ready ? "online" : stalled ? "offline" : "away";
  const openBridges = () => openDialog("settings", { open: "network" });
  return html`
    <p><span class=${`dot ${dot}`}></span> ${describeReason(summary)}</p>
    ${!ready && html`<progress max="100" value=${percent} aria-label=${t("tor")}></progress>`}
    ${
      stalled &&
      html`<p class="wrong" role="status">${describeReason(stalled)}</p>
        <${Button} act=${openBridges}>${t("bridges")}</${Button}>`
    }`;
});

const Service = ({ state }) =>
  html`<span class=${`dot ${SERVICE_DOTS[state]}`}></span> ${t(`service-${state}`)}`;

const WaitingConversation = observer(({ conversation, contact }) => {
  const [why, setWhy] = useState(contact.reason);
  const close = useClose();
  useEffect(() => {
    const look = () => reasonOf(contact.id).then(setWhy, () => {});
    look();
    const timer = setInterval(look, ASK_WHY_EVERY);
    return () => clearInterval(timer);
  }, []);
  const open = async () => {
    close();
    await openConversation(conversation.id);
  };

  return html`<li class="line">
    <div>
      <strong><${Name}>${conversation.name}</${Name}></strong>
      <p class="hint">${t("waiting-n", { n: conversation.waiting })}. ${describeReason(why)}</p>
    </div>
    <span class="grow"></span>
    <${Button} kind="small" act=${open}>${t("open")}</${Button}>
  </li>`;
});

const SERVER_DOTS = {
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
          <p class="hint">
            <span class=${`dot ${SERVER_DOTS[server.state]}`}></span> ${describeServer(server)}
          </p>
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

function describeServer({ state, reason: why, announced_at: announcedAt }) {
  const cause = why ? `: ${describeReason(why)}` : "";
  const announced = announcedAt && t("server-announced", { when: dayAndTime(announcedAt) });
  return t(`server-${state}`) + cause + (announced ? ` · ${announced}` : "");
}
