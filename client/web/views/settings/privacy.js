// What notifications tell, when the page locks itself, receipts, and who is blocked.

import { Button } from "../../components/button.js";
import { Name } from "../../components/contact.js";
import { Choice } from "../../components/form.js";
import { duration, t } from "../../lib/l10n.js";
import { observer } from "../../lib/observer.js";
import { lockAfter, reportActivity } from "../../state/activity.js";
import { contacts } from "../../state/contacts.js";
import { changeConversation, conversationOf } from "../../state/conversations.js";
import { openDialog } from "../../state/dialogs.js";
import { preference, setPreference } from "../../state/preferences.js";
import { isHost } from "../../state/session.js";
import { showToast } from "../../state/toasts.js";
import { html } from "../../vendor/preact.js";

/** After how many seconds without anybody it may be locked; 0 for never. */
const LOCK_AFTER = [0, 60, 300, 900, 3600];
const LEVELS = ["off", "quiet", "names", "all"];

async function isNotifyAllowed() {
  if (!globalThis.Notification || Notification.permission === "granted") return true;
  return (await Notification.requestPermission()) === "granted";
}

async function setNotify(level) {
  if (level !== "off" && !(await isNotifyAllowed())) {
    showToast(t("notify-denied"), "bad");
    return;
  }
  await setPreference("notify", level === "off" ? "" : level);
}

async function setLockAfter(seconds) {
  await setPreference("lock-after", seconds === "0" ? "" : seconds);
  reportActivity();
}

export const PrivacySettings = observer(
  () => html`
    <${Choice} label=${t("notify")} hint=${t("notify-hint")} value=${preference("notify", "off")}
      choose=${setNotify} options=${LEVELS.map((level) => [level, t(`notify-${level}`)])} />
    <${Choice} label=${t("lock-after")} value=${String(lockAfter())} choose=${setLockAfter}
      hint=${t(isHost.value ? "lock-after-hint" : "lock-after-hint-run")}
      options=${LOCK_AFTER.map((n) => [String(n), n ? duration(n) : t("never")])} />
    <${Receipts} />
    <${BlockedContacts} />`,
);

/** Receipts of what was read, for all conversations at once. */
const Receipts = observer(() => {
  const accepted = [...contacts.value.values()].filter(({ state }) => state === "accepted");
  const hasReceipts = (contact) => conversationOf(contact)?.settings.ours.read_receipts;
  const areAllOn = accepted.length > 0 && accepted.every(hasReceipts);
  const set = async (isOn) => {
    for (const { conversation } of accepted) {
      await changeConversation(conversation, { read_receipts: isOn });
    }
    showToast(t("saved"));
  };

  return html`
    <h3>${t("receipts")}</h3>
    <p class="hint">${t("receipts-all-hint")}</p>
    <div class="row">
      <${Button} disabled=${!accepted.length || areAllOn} act=${() => set(true)}>
        ${t("receipts-all-on")}
      </${Button}>
      <${Button} disabled=${!accepted.length} act=${() => set(false)}>
        ${t("receipts-all-off")}
      </${Button}>
    </div>`;
});

const BlockedContacts = observer(() => {
  const blocked = [...contacts.value.values()].filter(({ state }) => state === "blocked");
  return html`
    <h3>${t("blocked-people")}</h3>
    ${blocked.length === 0 && html`<p class="hint">${t("blocked-none")}</p>`}
    <ul class="plain">
      ${blocked.map(
        ({ id, name }) => html`<li key=${id} class="line">
          <${Name}>${name}</${Name}>
          <span class="grow"></span>
          <${Button} kind="small" act=${async () => openDialog("contact", { id })}>
            ${t("open")}
          </${Button}>
        </li>`,
      )}
    </ul>`;
});
