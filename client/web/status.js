// How all is: Tor, our onion services, servers; what waits, and why.

import { html, useEffect, useState } from "/vendor/preact.js";
import { get } from "/api.js";
import { dayAndTime, t } from "/l10n.js";
import { reason } from "/reasons.js";
import { contactOf, openDialog, openTalk, state } from "/state.js";
import { Button, Dialog, Name, useClose } from "/ui.js";

export const DOORS = { closed: "away", starting: "away", reachable: "online", unreachable: "offline" };

export function StatusDialog() {
  const { status } = state;
  const { tor } = status;
  const waiting = [...state.conversations.values()].filter((conversation) => conversation.waiting > 0 && contactOf(conversation));
  return html`<${Dialog} title=${t("status")}>
    <h3>${t("tor")}</h3>
    <p><span class=${`dot ${tor.ready ? "online" : tor.stalled ? "offline" : "away"}`}></span> ${reason(tor.summary)}</p>
    ${!tor.ready && html`<progress max="100" value=${tor.percent} aria-label=${t("tor")}></progress>`}
    ${tor.stalled && html`<p class="wrong" role="status">${reason(tor.stalled)}</p><${Button} act=${async () => openDialog("settings", { open: "network" })}>${t("bridges")}</${Button}>`}
    <dl>
      <dt>${t("endpoint")}</dt><dd><span class=${`dot ${DOORS[status.endpoint]}`}></span> ${t(`door-${status.endpoint}`)}</dd>
      <dt>${t("front-door")}</dt><dd><span class=${`dot ${DOORS[status.front_door]}`}></span> ${t(`door-${status.front_door}`)}</dd>
      <dt>${t("contacts")}</dt><dd>${t("contacts-online", { n: status.contacts, online: status.online })}</dd>
      <dt>${t("started")}</dt><dd>${dayAndTime(status.started_at)}</dd>
      <dt>${t("version")}</dt><dd dir="ltr">${status.version}</dd>
    </dl>
    ${state.servers && html`<h3>${t("servers")}</h3><${Servers} />`}
    <h3>${t("waiting")}</h3>
    ${waiting.length === 0 && html`<p>${t("nothing-waits")}</p>`}
    <ul class="plain">${waiting.map((conversation) => html`<${Waiting} key=${conversation.id} conversation=${conversation} contact=${contactOf(conversation)} />`)}</ul>
  </${Dialog}>`;
}

function Waiting({ conversation, contact }) {
  const [why, setWhy] = useState(contact.reason);
  const close = useClose();
  useEffect(() => {
    const look = () => get(`/v1/contacts/${contact.id}`).then((now) => setWhy(now.reason), () => {});
    look();
    const timer = setInterval(look, 5000);
    return () => clearInterval(timer);
  }, []);
  const open = async () => {
    close();
    await openTalk(conversation.id);
  };
  return html`<li class="line"><div><strong><${Name}>${conversation.name}</${Name}></strong><p class="hint">${t("waiting-n", { n: conversation.waiting })}. ${reason(why)}</p></div>
    <span class="grow"></span><${Button} kind="small" act=${open}>${t("open")}</${Button}></li>`;
}

const DOT = { starting: "away", reachable: "online", unreachable: "offline", refused: "offline", untrusted: "offline" };

/** The servers that tell contacts that we are there. */
export function Servers({ remove }) {
  if (!state.servers.length) return html`<p class="hint">${t("servers-none")}</p>`;
  return html`<ul class="plain">${state.servers.map((server) => html`<li key=${server.address} class="line server">
    <div><p class="address" dir="ltr">${server.address}</p>
      <p class="hint"><span class=${`dot ${DOT[server.state]}`}></span> ${t(`server-${server.state}`)}${server.reason ? `: ${reason(server.reason)}` : ""}
        ${server.announced_at ? ` · ${t("server-announced", { when: dayAndTime(server.announced_at) })}` : ""}</p></div>
    <span class="grow"></span>${remove && html`<${Button} kind="small" act=${() => remove(server.address)}>${t("remove")}</${Button}>`}</li>`)}</ul>`;
}
