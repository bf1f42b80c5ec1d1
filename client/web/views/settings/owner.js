// What others see of the profile's owner: name, presence, handles.

import { Button } from "../../components/button.js";
import { Name } from "../../components/contact.js";
import { Choice, Field, Form } from "../../components/form.js";
import { t } from "../../lib/l10n.js";
import { observer } from "../../lib/observer.js";
import { reason } from "../../lib/reasons.js";
import { claimHandle, handles, releaseHandle, removeReleased } from "../../state/handles.js";
import { renameOwner, setOwnPresence, status } from "../../state/status.js";
import { showToast } from "../../state/toasts.js";
import { html, useEffect, useState } from "../../vendor/preact.js";

const PRESENCES = ["on", "away", "invisible"];
/** How often it is looked whether a handle was released, in milliseconds. */
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
  const cause = why ? `: ${reason(why)}` : "";
  return html`<li class="line server">
    <div>
      <p class="address" dir="ltr">${handle}</p>
      <p class="hint">${t(`handle-${state}`)}${cause}</p>
    </div>
    <span class="grow"></span>
    <${Button} kind="small" act=${() => releaseHandle(handle)}>${t("handle-release")}</${Button}>
  </li>`;
});
