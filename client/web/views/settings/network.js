// How Tor is reached, and which presence servers are used.

import { Field, Form } from "../../components/form.js";
import { ServerList } from "../../components/server-list.js";
import { Problem } from "../../lib/api.js";
import { t } from "../../lib/l10n.js";
import { observer } from "../../lib/observer.js";
import { bridges, setBridges } from "../../state/preferences.js";
import { addServer, removeServer, servers } from "../../state/servers.js";
import { showToast } from "../../state/toasts.js";
import { html, useState } from "../../vendor/preact.js";

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
