// The profile as a whole: its passphrase, its backup, its end.

import { Button } from "../../components/button.js";
import { Form, SecretField } from "../../components/form.js";
import { PassphraseStrength } from "../../components/passphrase-strength.js";
import { ask, download } from "../../lib/api.js";
import { saveFile } from "../../lib/files.js";
import { t } from "../../lib/l10n.js";
import { observer } from "../../lib/observer.js";
import { openDialog } from "../../state/dialogs.js";
import { forgetEverything } from "../../state/session.js";
import { showToast } from "../../state/toasts.js";
import { html, useState } from "../../vendor/preact.js";

export const ProfileSettings = observer(
  () => html`<${Passphrase} /><${Backup} /><${Destruction} />`,
);

const Passphrase = observer(() => {
  const [old, setOld] = useState("");
  const [passphrase, setPassphrase] = useState("");
  const [again, setAgain] = useState("");
  const change = async () => {
    await ask("POST", "/v1/passphrase", { old, new: passphrase });
    for (const set of [setOld, setPassphrase, setAgain]) set("");
    showToast(t("passphrase-changed"));
  };
  const isComplete = old && passphrase && passphrase === again;

  return html`
    <h3>${t("passphrase")}</h3>
    <${Form} submit=${t("passphrase-change")} kind="" disabled=${!isComplete} act=${change}>
      <${SecretField} label=${t("passphrase-old")} value=${old} input=${setOld}
        autocomplete="current-password" />
      <${SecretField} label=${t("passphrase-new")} value=${passphrase} input=${setPassphrase}
        autocomplete="new-password" />
      <${PassphraseStrength} passphrase=${passphrase} />
      <${SecretField} label=${t("begin-again")} value=${again} input=${setAgain}
        autocomplete="new-password" />
    </${Form}>`;
});

const Backup = observer(() => {
  const [passphrase, setPassphrase] = useState("");
  const [again, setAgain] = useState("");
  const make = async () => {
    const backup = await download("/v1/backup", { passphrase });
    saveFile(backup, `chive-${new Date().toISOString().slice(0, 10)}.backup`);
    for (const set of [setPassphrase, setAgain]) set("");
    showToast(t("backup-done"));
  };

  return html`
    <h3>${t("backup")}</h3>
    <p class="hint">${t("backup-hint")}</p>
    <${Form} submit=${t("backup-make")} kind="" disabled=${!passphrase || passphrase !== again}
      act=${make}>
      <${SecretField} label=${t("backup-passphrase")} value=${passphrase}
        input=${setPassphrase} autocomplete="new-password" />
      <${SecretField} label=${t("begin-again")} value=${again} input=${setAgain}
        autocomplete="new-password" />
    </${Form}>
    <p class="hint">${t("restore-how")}</p>`;
});

async function wipe() {
  await ask("POST", "/v1/wipe", { confirm: true });
  forgetEverything();
}

const Destruction = observer(() => {
  const confirm = async () =>
    openDialog("confirm", {
      title: t("wipe"),
      text: t("wipe-sure"),
      yes: t("wipe-go"),
      act: wipe,
    });
  return html`
    <h3>${t("wipe")}</h3>
    <p class="hint">${t("wipe-hint")}</p>
    <div class="row"><${Button} kind="danger" act=${confirm}>${t("wipe")}</${Button}></div>`;
});
