// The screens before the profile is open: create, restore or unlock it; no access; no answer.

import { Button, Icon } from "../components/button.js";
import { Choice, Field, Form, SecretField } from "../components/form.js";
import { PassphraseStrength } from "../components/passphrase-strength.js";
import { ask } from "../lib/api.js";
import { describeProblem, LANGUAGES, setLanguage, t } from "../lib/l10n.js";
import { observer } from "../lib/observer.js";
import { lastError, markNewProfile, stage } from "../state/session.js";
import { connect } from "../state/sync.js";
import { html, useEffect, useRef, useState } from "../vendor/preact.js";

const LOOK_WHEN_GONE = 2000;
const LOOK_WHEN_STARTING = 500;

export const Onboarding = observer(() => {
  switch (stage.value) {
    case "out":
      return html`<${NotLetIn} />`;
    case "gone":
      return html`<${NodeGone} />`;
    case "no_profile":
      return html`<${Welcome} />`;
    case "locked":
      return html`<${Unlock} />`;
    case "starting":
      return html`<${Starting} />`;
    default:
      return html`<main class="center" aria-busy="true"></main>`;
  }
});

const Screen = ({ title, children }) => html`<main class="center">
  <div class="card">
    <img src="/icon.svg" alt="" width="64" height="64" />
    <h1>${title}</h1>
    ${children}
  </div>
</main>`;

const HowToOpen = () => html`<p><code>chive open</code></p>`;

const NotLetIn = observer(() => {
  const isUsed = lastError.value?.code === "used_token";
  return html`<${Screen} title=${t("out-title")}>
    <p>${t(isUsed ? "out-used" : "out-text")}</p>
    <${HowToOpen} />
  </${Screen}>`;
});

function useConnectEvery(time) {
  useEffect(() => {
    const timer = setInterval(connect, time);
    return () => clearInterval(timer);
  }, []);
}

const NodeGone = observer(() => {
  useConnectEvery(LOOK_WHEN_GONE);
  // Who refuses is there.
  if (lastError.value.status) {
    return html`<${Screen} title=${t("error-title")}>
      <p class="wrong">${describeProblem(lastError.value)}</p>
      <p>${t("error-text")}</p>
    </${Screen}>`;
  }
  return html`<${Screen} title=${t("gone-title")}>
    <p>${t("gone-text")}</p>
    <${HowToOpen} />
  </${Screen}>`;
});

const Starting = observer(() => {
  useConnectEvery(LOOK_WHEN_STARTING);
  return html`<${Screen} title=${t("starting-title")}>
    <progress aria-label=${t("starting-title")}></progress>
  </${Screen}>`;
});

const LanguageChoice = observer(() => {
  const [language, choose] = useState(document.documentElement.lang);
  const change = async (tag) => {
    await setLanguage(tag);
    choose(tag);
  };
  return html`<${Choice} label=${t("language")} value=${language}
    options=${Object.entries(LANGUAGES)} choose=${change} />`;
});

function Welcome() {
  const [isRestoring, restore] = useState(false);
  return isRestoring
    ? html`<${Restore} back=${() => restore(false)} />`
    : html`<${Create} restore=${() => restore(true)} />`;
}

const Create = observer(({ restore }) => {
  const [name, setName] = useState("");
  const [passphrase, setPassphrase] = useState("");
  const [again, setAgain] = useState("");
  const create = async () => {
    await ask("POST", "/ui/create", { name, passphrase });
    markNewProfile();
    await connect();
  };
  const isComplete = name.trim() && passphrase && passphrase === again;
  const differs = again !== "" && passphrase !== again;

  return html`<${Screen} title=${t("onboarding-title")}>
    <p>${t("onboarding-text")}</p>
    <${Form} submit=${t("onboarding-create")} disabled=${!isComplete} act=${create}>
      <${Field} label=${t("onboarding-name")} hint=${t("onboarding-name-hint")} value=${name}
        input=${setName} maxlength="64" autocomplete="off" autofocus required />
      <${SecretField} label=${t("onboarding-passphrase")} hint=${t("onboarding-passphrase-hint")}
        value=${passphrase} input=${setPassphrase} autocomplete="new-password" required />
      <${PassphraseStrength} passphrase=${passphrase} />
      <${SecretField} label=${t("passphrase-confirm")} value=${again} input=${setAgain}
        autocomplete="new-password" required aria-invalid=${differs ? "true" : undefined} />
      <p class="wrong" role="status">${differs && t("onboarding-differs")}</p>
    </${Form}>
    <div class="row">
      <${Button} kind="quiet" act=${restore}>${t("onboarding-restore")}</${Button}>
    </div>
    <${LanguageChoice} />
  </${Screen}>`;
});

const Restore = observer(({ back }) => {
  const [file, setFile] = useState(null);
  const [passphrase, setPassphrase] = useState("");
  const restore = async () => {
    const head = `${JSON.stringify({ passphrase })}\n`;
    await ask("POST", "/ui/restore", new Blob([head, file]));
    await connect();
  };

  return html`<${Screen} title=${t("restore-title")}>
    <p>${t("restore-text")}</p>
    <${Form} submit=${t("restore-go")} disabled=${!file || !passphrase} act=${restore}>
      <label class="button file">${file ? file.name : t("restore-file")}
        <input type="file" class="unseen"
          onChange=${(event) => setFile(event.currentTarget.files[0])} />
      </label>
      <${SecretField} label=${t("restore-passphrase")} value=${passphrase}
        input=${setPassphrase} autocomplete="off" required />
    </${Form}>
    <${Button} kind="quiet" act=${back}>${t("back")}</${Button}>
  </${Screen}>`;
});

const Unlock = observer(() => {
  const [passphrase, setPassphrase] = useState("");
  const box = useRef(null);
  useEffect(() => box.current?.querySelector("input")?.focus(), []);
  const unlock = async () => {
    await ask("POST", "/ui/unlock", { passphrase });
    await connect();
  };

  return html`<${Screen} title=${t("unlock-title")}>
    <p><${Icon} name="lock" /> ${t("unlock-text")}</p>
    <div ref=${box}>
      <${Form} submit=${t("unlock-go")} disabled=${!passphrase} act=${unlock}>
        <${SecretField} label=${t("passphrase")} value=${passphrase} input=${setPassphrase}
          autocomplete="current-password" required />
      </${Form}>
    </div>
    <${LanguageChoice} />
  </${Screen}>`;
});
