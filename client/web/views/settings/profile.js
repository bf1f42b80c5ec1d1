// Settings of the profile and the network: passphrase, backup, destruction; bridges and presence
// servers.

import { Button } from "../../components/button.js";
import { Field, Form, SecretField } from "../../components/form.js";
import { PassphraseStrength } from "../../components/passphrase-strength.js";
import { ask, download, Problem } from "../../lib/api.js";
import { saveFile } from "../../lib/files.js";
import { t } from "../../lib/l10n.js";
import { observer } from "../../lib/observer.js";
import { openDialog } from "../../state/dialogs.js";
import { bridges, setBridges } from "../../state/preferences.js";
import { addServer, removeServer, servers } from "../../state/servers.js";
import { forgetEverything } from "../../state/session.js";
import { showToast } from "../../state/toasts.js";
import { html, useState } from "../../vendor/preact.js";
import { ServerList } from "../dialogs/status.js";

export const NetworkSettings = observer(
  () => html`<${Bridges} />${servers.value && html`<${Servers} />`}`,
);

const Bridges = observer(() => {
  const [lines, setLines] = useState(bridges());
  const save = async () => {
    await setBridges(lines.trim()).catch(({ status, code, message }) => {
      throw new Problem(status, code === "invalid_text" ? "invalid_bridge" : code, message);
    });
    showToast(t("bridges-saved"));
  };
  return html`
    <h3>${t("bridges")}</h3>
    <${Form} submit=${t("save")} kind="" act=${save}>
      <${Field} area label=${t("bridges-lines")} hint=${t("bridges-hint")} value=${lines}
        input=${setLines} spellcheck=${false} autocapitalize="off" />
    </${Form}>`;
});

const Servers = observer(() => {
  const [address, setAddress] = useState("");
  const [token, setToken] = useState("");
  const add = async () => {
    await addServer(address.trim(), token.trim());
    setAddress("");
    setToken("");
  };
  return html`
    <h3>${t("servers")}</h3>
    <p class="hint">${t("servers-hint")}</p>
    <${ServerList} remove=${removeServer} />
    <${Form} submit=${t("server-add")} kind="" disabled=${!address.trim()} act=${add}>
      <${Field} label=${t("server-address")} value=${address} input=${setAddress}
        placeholder="….onion" spellcheck=${false} autocapitalize="off" />
      <${Field} label=${t("server-token")} value=${token} input=${setToken}
        spellcheck=${false} autocomplete="off" />
    </${Form}>`;
});

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
      <${SecretField} label=${t("passphrase-confirm")} value=${again} input=${setAgain}
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
      <${SecretField} label=${t("passphrase-confirm")} value=${again} input=${setAgain}
        autocomplete="new-password" />
    </${Form}>
    <p class="hint">${t("restore-how")}</p>`;
});

async function wipe() {
  await ask("POST", "/v1/wipe", { confirm: true });
  forgetEverything();
}

const Destruction = observer(() => {
  const confirm = () =>
    openDialog("confirm", {
      title: t("wipe"),
      text: t("wipe-confirm"),
      yes: t("wipe-go"),
      act: wipe,
    });
  return html`
    <h3>${t("wipe")}</h3>
    <p class="hint">${t("wipe-hint")}</p>
    <div class="row"><${Button} kind="danger" act=${confirm}>${t("wipe")}</${Button}></div>`;
});
