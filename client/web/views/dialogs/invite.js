// The dialog for inviting someone: shows an invitation as a link and a QR code; lists and revokes
// earlier ones.

import { Button } from "../../components/button.js";
import { copyText, Dialog } from "../../components/dialog.js";
import { Choice } from "../../components/form.js";
import { QrCode } from "../../components/qr-codes.js";
import { dayAndTime, describeProblem, describeReason, duration, t } from "../../lib/l10n.js";
import { observer } from "../../lib/observer.js";
import {
  invitations,
  makeInvitation,
  readInvitations,
  revokeInvitation,
} from "../../state/invitations.js";
import { status } from "../../state/status.js";
import { html, useEffect, useState } from "../../vendor/preact.js";

const LIVES = [3600, 86_400, 604_800, 2_592_000];
const WEEK = "604800";
const USES = [1, 2, 5, 10, 50];

/** The invitations whose links were given away: who else is invited gets another. */
const given = new Set();

const isUntouched = ({ id, link, state, used, uses }) =>
  state === "active" && used === 0 && uses === 1 && link && !given.has(id);

export const InviteDialog = observer(() => {
  const [shown, show] = useState(null);
  const [life, setLife] = useState(WEEK);
  const [uses, setUses] = useState("1");
  const [wrong, setWrong] = useState(null);
  const make = async () => {
    show(await makeInvitation(Number(uses), Number(life)));
    await readInvitations();
  };
  const showFirst = async () => {
    await readInvitations();
    const untouched = invitations.value.findLast(isUntouched);
    if (untouched) show(untouched);
    else await make();
  };
  useEffect(() => {
    showFirst().catch((problem) => setWrong(describeProblem(problem)));
  }, []);

  return html`<${Dialog} title=${t("invite")}>
    <p>${t("invite-text")}</p>
    ${!shown && html`<p class="wrong" role="alert">${wrong}</p>`}
    ${shown?.link && html`<${Invitation} invitation=${shown} />`}
    <details>
      <summary>${t("invite-another")}</summary>
      <${Choice} label=${t("invite-uses")} value=${uses} choose=${setUses}
        options=${USES.map((n) => [String(n), t("people", { n })])} />
      <${Choice} label=${t("invite-life")} value=${life} choose=${setLife}
        options=${LIVES.map((n) => [String(n), duration(n)])} />
      <${Button} act=${make}>${t("invite-make")}</${Button}>
    </details>
    <${ActiveInvitations} shown=${shown} show=${show} />
  </${Dialog}>`;
});

const Invitation = observer(({ invitation }) => {
  const { id, link, uses, expires_at: expiresAt } = invitation;
  const markGiven = () => given.add(id);
  const copy = async () => {
    await copyText(link);
    markGiven();
  };
  const { tor, front_door: service } = status.value;
  const why = tor.ready ? t(`service-${service}`) : describeReason(tor.stalled ?? tor.summary);

  return html`
    <${QrCode} text=${link} label=${t("invite-code")} name="chive-invitation"
      onTaken=${markGiven} />
    <p class="address" dir="ltr" tabindex="0" role="group" aria-label=${t("invite-link")}
      onCopy=${markGiven}>${link}</p>
    <div class="row">
      <${Button} kind="primary" icon="copy" act=${copy}>${t("copy-link")}</${Button}>
    </div>
    ${
      service !== "reachable" &&
      html`<p class="hint" role="status">${t("invite-wait", { why })}</p>`
    }
    <p class="hint">${t("invite-until", { n: uses, when: dayAndTime(expiresAt) })}</p>`;
});

const ActiveInvitations = observer(({ shown, show }) => {
  const active = (invitations.value ?? []).filter(({ state }) => state === "active");
  if (!active.length) return null;
  const revoke = async (id) => {
    await revokeInvitation(id);
    if (shown?.id === id) show(null);
  };
  const describe = ({ used, uses, expires_at: expiresAt }) =>
    `${t("invite-used", { used, n: uses })} · ${t("until", { when: dayAndTime(expiresAt) })}`;

  return html`<section>
    <h3>${t("invite-active")}</h3>
    <ul class="plain">
      ${active.map(
        (one) => html`<li key=${one.id} class="line">
          <span>${describe(one)}</span>
          <span class="grow"></span>
          <${Button} kind="small" act=${() => show(one)}>${t("show")}</${Button}>
          <${Button} kind="small" act=${() => revoke(one.id)}>${t("revoke")}</${Button}>
        </li>`,
      )}
    </ul>
  </section>`;
});
