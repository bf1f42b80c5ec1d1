// An invitation to share: a link, a QR code. And those that were made before.

import { html, useEffect, useState } from "/vendor/preact.js";
import { ask } from "/api.js";
import { dayAndTime, duration, t } from "/l10n.js";
import { Code } from "/qr.js";
import { reason, trouble } from "/reasons.js";
import { readInvitations, state } from "/state.js";
import { Button, Choice, Dialog, copy } from "/ui.js";

const LIVES = [3600, 86_400, 604_800, 2_592_000];
const USES = [1, 2, 5, 10, 50];

/** The invitations whose links were given away: who else is invited gets another. */
const given = new Set();

const notYet = ({ tor, front_door: door }) => (tor.ready ? t(`door-${door}`) : reason(tor.stalled ?? tor.summary));

export function InviteDialog() {
  const [made, setMade] = useState(null);
  const [life, setLife] = useState("604800");
  const [uses, setUses] = useState("1");
  const [wrong, setWrong] = useState(null);
  const give = () => given.add(made.id);
  const make = async (change = {}) => {
    const invitation = await ask("POST", "/v1/invitations", { uses: Number(change.uses ?? uses), expires_in: Number(change.life ?? life) });
    setMade(invitation);
    await readInvitations();
  };
  const first = async () => {
    await readInvitations();
    const fresh = state.invitations.findLast((one) => one.state === "active" && one.used === 0 && one.uses === 1 && one.link && !given.has(one.id));
    if (fresh) setMade(fresh);
    else await make();
  };
  useEffect(() => {
    first().catch((problem) => setWrong(trouble(problem)));
  }, []);
  return html`<${Dialog} title=${t("invite")}>
    <p>${t("invite-text")}</p>
    ${!made && html`<p class="wrong" role="alert">${wrong}</p>`}
    ${made?.link && html`<${Code} text=${made.link} label=${t("invite-code")} name="chive-invitation" taken=${give} />
      <p class="address" dir="ltr" tabindex="0" role="group" aria-label=${t("invite-link")} onCopy=${give}>${made.link}</p>
      <div class="row"><${Button} kind="primary" icon="copy" act=${() => copy(made.link).then(give)}>${t("copy-link")}</${Button}></div>
      ${state.status.front_door !== "reachable" && html`<p class="hint" role="status">${t("invite-wait", { why: notYet(state.status) })}</p>`}
      <p class="hint">${t("invite-until", { n: made.uses, when: dayAndTime(made.expires_at) })}</p>`}
    <details><summary>${t("invite-another")}</summary>
      <${Choice} label=${t("invite-uses")} value=${uses} choose=${setUses} options=${USES.map((n) => [String(n), t("people", { n })])} />
      <${Choice} label=${t("invite-life")} value=${life} choose=${setLife} options=${LIVES.map((n) => [String(n), duration(n)])} />
      <${Button} act=${() => make()}>${t("invite-make")}</${Button}>
    </details>
    <${Made} shown=${made} show=${setMade} />
  </${Dialog}>`;
}

function Made({ shown, show }) {
  const active = (state.invitations ?? []).filter((one) => one.state === "active");
  if (!active.length) return null;
  const revoke = async (id) => {
    await ask("DELETE", `/v1/invitations/${id}`);
    if (shown?.id === id) show(null);
    await readInvitations();
  };
  return html`<section><h3>${t("invite-active")}</h3><ul class="plain">
    ${active.map((one) => html`<li key=${one.id} class="line"><span>${t("invite-used", { used: one.used, n: one.uses })} · ${t("until", { when: dayAndTime(one.expires_at) })}</span>
      <span class="grow"></span><${Button} kind="small" act=${async () => show(one)}>${t("show")}</${Button}>
      <${Button} kind="small" act=${() => revoke(one.id)}>${t("revoke")}</${Button}></li>`)}
  </ul></section>`;
}
