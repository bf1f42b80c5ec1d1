// Settings of the user: name, presence and handles; appearance and language; privacy.

import { Button } from "../../components/button.js";
import { Name } from "../../components/contact.js";
import { Choice, Field, Form } from "../../components/form.js";
import { describeReason, duration, LANGUAGES, setLanguage, t } from "../../lib/l10n.js";
import { observer } from "../../lib/observer.js";
import { contacts } from "../../state/contacts.js";
import { changeConversation, conversationOf } from "../../state/conversations.js";
import { openDialog } from "../../state/dialogs.js";
import { claimHandle, handles, releaseHandle, removeReleased } from "../../state/handles.js";
import { preference, setPreference } from "../../state/preferences.js";
import { isHost, lockAfter, reportActivity } from "../../state/session.js";
import { renameOwner, setOwnPresence, status } from "../../state/status.js";
import { showToast } from "../../state/toasts.js";
import { html, useEffect, useState } from "../../vendor/preact.js";

const PRESENCES = ["on", "away", "invisible"];
const LOOK_EVERY = 1000;

export const OwnerSettings = observer(() => {
  const { name, presence } = status.value;
  // An older node can change neither.
  const isOld = presence === undefined;
  return html`
    ${
      isOld
        ? html`<p>${t("own-name")}: <strong><${Name}>${name}</${Name}></strong></p>`
        : html`<${Rename} />
          <${Choice} label=${t("own-presence")} hint=${t("own-presence-hint")} value=${presence}
            choose=${setOwnPresence}
            options=${PRESENCES.map((value) => [value, t(`own-presence-${value}`)])} />`
    }
    ${handles.value && html`<${Handles} />`}`;
});

const Rename = observer(() => {
  const current = status.value.name;
  const [name, setName] = useState(current);
  const rename = async () => {
    await renameOwner(name.trim());
    showToast(t("saved"));
  };
  return html`<${Form} class="inline" submit=${t("rename")} kind="" act=${rename}
    disabled=${!name.trim() || name === current}>
    <${Field} label=${t("own-name")} hint=${t("own-name-hint")} value=${name}
      input=${setName} maxlength="64" />
  </${Form}>`;
});

const Handles = observer(() => {
  const [typed, setTyped] = useState("");
  const claim = async () => {
    await claimHandle(typed.trim());
    setTyped("");
  };
  const isReleasing = handles.value.some(({ state }) => state === "releasing");
  useEffect(() => {
    if (!isReleasing) return undefined;
    const timer = setInterval(() => removeReleased().catch(() => {}), LOOK_EVERY);
    return () => clearInterval(timer);
  }, [isReleasing]);

  return html`
    <h3>${t("handles")}</h3>
    <p class="hint">${t("handles-hint")}</p>
    <ul class="plain">
      ${handles.value.map((handle) => html`<${Handle} key=${handle.handle} ...${handle} />`)}
    </ul>
    <${Form} class="inline" submit=${t("handle-claim")} kind="" disabled=${!typed.trim()}
      act=${claim}>
      <${Field} label=${t("handle-new")} value=${typed} input=${setTyped}
        placeholder="alice@….onion" spellcheck=${false} autocapitalize="off" />
    </${Form}>`;
});

const Handle = observer(({ handle, state, reason: why }) => {
  const cause = why ? `: ${describeReason(why)}` : "";
  return html`<li class="line server">
    <div>
      <p class="address" dir="ltr">${handle}</p>
      <p class="hint">${t(`handle-${state}`)}${cause}</p>
    </div>
    <span class="grow"></span>
    <${Button} kind="small" act=${() => releaseHandle(handle)}>${t("handle-release")}</${Button}>
  </li>`;
});

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
          <${Button} kind="small" act=${() => openDialog("contact", { id })}>
            ${t("open")}
          </${Button}>
        </li>`,
      )}
    </ul>`;
});
