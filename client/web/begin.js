// Before the profile is open: choose a name and a passphrase, restore a backup, or unlock.

import { html, useEffect, useRef, useState } from "/vendor/preact.js";
import { ask } from "/api.js";
import { LANGUAGES, speak, t } from "/l10n.js";
import { trouble } from "/reasons.js";
import { begin, set, state } from "/state.js";
import { score } from "/strength.js";
import { Button, Choice, Field, Form, Icon, Secret } from "/ui.js";

const Frame = ({ title, children }) => html`<main class="center"><div class="card">
  <img src="/icon.svg" alt="" width="64" height="64" /><h1>${title}</h1>${children}</div></main>`;

/** The one screen for the state that the profile is in. */
export function Begin() {
  switch (state.stage) {
    case "out": return html`<${Out} />`;
    case "gone": return html`<${Gone} />`;
    case "no_profile": return html`<${Welcome} />`;
    case "locked": return html`<${Unlock} />`;
    case "starting": return html`<${Starting} />`;
    default: return html`<main class="center" aria-busy="true"></main>`;
  }
}

const Out = () => html`<${Frame} title=${t("out-title")}><p>${t(state.trouble?.code === "used_token" ? "out-used" : "out-text")}</p><p><code>chive open</code></p></${Frame}>`;

function Gone() {
  useEffect(() => {
    const timer = setInterval(begin, 2000);
    return () => clearInterval(timer);
  }, []);
  // Who refuses is there.
  if (state.trouble.status) return html`<${Frame} title=${t("trouble-title")}><p class="wrong">${trouble(state.trouble)}</p><p>${t("trouble-text")}</p></${Frame}>`;
  return html`<${Frame} title=${t("gone-title")}><p>${t("gone-text")}</p><p><code>chive open</code></p></${Frame}>`;
}

function Starting() {
  useEffect(() => {
    const timer = setInterval(begin, 500);
    return () => clearInterval(timer);
  }, []);
  return html`<${Frame} title=${t("starting-title")}><progress aria-label=${t("starting-title")}></progress></${Frame}>`;
}

/** How strong a passphrase is, in words and as a bar. */
export function Strength({ passphrase }) {
  const n = score(passphrase);
  return html`<div class="strength" data-score=${n}>
    <meter min="0" max="4" low="2" high="3" optimum="4" value=${n} aria-label=${t("strength-label")}></meter>
    <span role="status">${t(`strength-${n}`)}</span></div>`;
}

async function opened(answer) {
  await answer;
  await begin();
}

function Languages() {
  const [now, setNow] = useState(document.documentElement.lang);
  const choose = async (tag) => {
    await speak(tag);
    setNow(tag);
    set({});
  };
  return html`<${Choice} label=${t("language")} value=${now} options=${Object.entries(LANGUAGES)} choose=${choose} />`;
}

function Welcome() {
  const [restoring, restore] = useState(false);
  return restoring ? html`<${Restore} back=${() => restore(false)} />` : html`<${Create} restore=${() => restore(true)} />`;
}

function Create({ restore }) {
  const [name, setName] = useState("");
  const [one, setOne] = useState("");
  const [two, setTwo] = useState("");
  const create = async () => {
    await ask("POST", "/ui/create", { name, passphrase: one });
    state.isNew = true;
    await begin();
  };
  const differs = two !== "" && one !== two;
  return html`<${Frame} title=${t("begin-title")}>
    <p>${t("begin-text")}</p>
    <${Form} submit=${t("begin-create")} disabled=${!name.trim() || !one || one !== two}
      act=${create}>
      <${Field} label=${t("begin-name")} hint=${t("begin-name-hint")} value=${name} input=${setName} maxlength="64" autocomplete="off" autofocus required />
      <${Secret} label=${t("begin-passphrase")} hint=${t("begin-passphrase-hint")} value=${one} input=${setOne} autocomplete="new-password" required />
      <${Strength} passphrase=${one} />
      <${Secret} label=${t("begin-again")} value=${two} input=${setTwo} autocomplete="new-password" required aria-invalid=${differs ? "true" : undefined} />
      <p class="wrong" role="status">${differs && t("begin-differs")}</p>
    </${Form}>
    <div class="row"><${Button} kind="quiet" act=${restore}>${t("begin-restore")}</${Button}></div>
    <${Languages} />
  </${Frame}>`;
}

function Restore({ back }) {
  const [file, setFile] = useState(null);
  const [passphrase, setPassphrase] = useState("");
  const act = () => {
    const head = `${JSON.stringify({ passphrase })}\n`;
    return opened(ask("POST", "/ui/restore", new Blob([head, file])));
  };
  return html`<${Frame} title=${t("restore-title")}>
    <p>${t("restore-text")}</p>
    <${Form} submit=${t("restore-go")} disabled=${!file || !passphrase} act=${act}>
      <label class="button file">${file ? file.name : t("restore-file")}<input type="file" class="unseen" onChange=${(event) => setFile(event.currentTarget.files[0])} /></label>
      <${Secret} label=${t("restore-passphrase")} value=${passphrase} input=${setPassphrase} autocomplete="off" required />
    </${Form}>
    <${Button} kind="quiet" act=${back}>${t("back")}</${Button}>
  </${Frame}>`;
}

function Unlock() {
  const [passphrase, setPassphrase] = useState("");
  const box = useRef(null);
  useEffect(() => box.current?.querySelector("input")?.focus(), []);
  return html`<${Frame} title=${t("unlock-title")}>
    <p><${Icon} name="lock" /> ${t("unlock-text")}</p>
    <div ref=${box}><${Form} submit=${t("unlock-go")} disabled=${!passphrase} act=${() => opened(ask("POST", "/ui/unlock", { passphrase }))}>
      <${Secret} label=${t("passphrase")} value=${passphrase} input=${setPassphrase} autocomplete="current-password" required />
    </${Form}></div>
    <${Languages} />
  </${Frame}>`;
}
