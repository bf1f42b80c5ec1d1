// Everything that can be chosen, and what cannot be undone.

import { html, useEffect, useState } from "/vendor/preact.js";
import { ask, conversationPath, download, optional } from "/api.js";
import { Strength } from "/begin.js";
import { LANGUAGES, duration, speak, t } from "/l10n.js";
import { lockAfter, tellActive } from "/presence.js";
import { reason } from "/reasons.js";
import { Servers } from "/status.js";
import { added, beforeLock, conversationOf, forget, note, openDialog, set, setting, state, takeConversation, takeStatus, toast } from "/state.js";
import { sure } from "/sure.js";
import { Button, Choice, Dialog, Field, Form, Name, Secret, save } from "/ui.js";

const LOCKS = [0, 60, 300, 900, 3600];

/** Locks the profile; the page forgets what it knew. */
export async function lockNow() {
  await Promise.all([...beforeLock].map((keep) => keep()));
  await ask("POST", "/ui/lock");
  forget();
}

const PARTS = { you: You, look: Look, privacy: Privacy, network: Network, profile: Profile };

export function SettingsDialog({ open = "you" }) {
  const [part, setPart] = useState(open);
  const Part = PARTS[part];
  const keyed = (event) => {
    const names = Object.keys(PARTS);
    const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const next = names[(names.indexOf(part) + step + names.length) % names.length];
    setPart(next);
    event.currentTarget.querySelector(`#tab-${next}`)?.focus();
  };
  return html`<${Dialog} title=${t("settings")} wide>
    <div class="tabs" role="tablist" aria-label=${t("settings")} onKeyDown=${keyed}>
      ${Object.keys(PARTS).map((name) => html`<button type="button" key=${name} role="tab" id=${`tab-${name}`} aria-controls="tab-panel" aria-selected=${part === name ? "true" : "false"}
        tabindex=${part === name ? 0 : -1} class="button quiet" onClick=${() => setPart(name)}>${t(`settings-${name}`)}</button>`)}
    </div>
    <div role="tabpanel" id="tab-panel" aria-labelledby=${`tab-${part}`} tabindex="0" class="panel"><${Part} key=${part} /></div>
  </${Dialog}>`;
}

const choose = (name) => async (value) => {
  await note(`ui.${name}`, value);
};

function You() {
  const [name, setName] = useState(state.status.name);
  const [handle, setHandle] = useState("");
  const rename = async () => {
    await takeStatus(ask("PATCH", "/v1/profile", { name: name.trim() }));
    toast(t("saved"));
  };
  const presence = (value) => takeStatus(ask("PUT", "/v1/presence", { presence: value }));
  const claim = async () => {
    const made = await ask("POST", "/v1/handles", { handle: handle.trim() });
    setHandle("");
    set({ handles: added(state.handles, made, "handle") });
  };
  // No event tells that one is gone. Of the others, events may have told more by now than this answer.
  const look = async () => {
    const left = await optional("/v1/handles");
    set({ handles: state.handles.filter((known) => left.some((one) => one.handle === known.handle)) });
  };
  const release = async (one) => {
    await ask("DELETE", `/v1/handles/${encodeURIComponent(one)}`);
    set({ handles: state.handles.map((known) => (known.handle === one ? { ...known, state: "releasing", reason: undefined } : known)) });
    await look();
  };
  const leaving = state.handles?.some((one) => one.state === "releasing");
  useEffect(() => {
    if (!leaving) return undefined;
    const timer = setInterval(() => look().catch(() => {}), 1000);
    return () => clearInterval(timer);
  }, [leaving]);
  const able = state.status.presence !== undefined;
  return html`
    ${able
      ? html`<${Form} class="inline" submit=${t("rename")} kind="" disabled=${!name.trim() || name === state.status.name} act=${rename}>
          <${Field} label=${t("own-name")} hint=${t("own-name-hint")} value=${name} input=${setName} maxlength="64" /></${Form}>
        <${Choice} label=${t("own-presence")} hint=${t("own-presence-hint")} value=${state.status.presence} choose=${presence}
          options=${["on", "away", "invisible"].map((value) => [value, t(`own-presence-${value}`)])} />`
      : html`<p>${t("own-name")}: <strong><${Name}>${state.status.name}</${Name}></strong></p>`}
    ${state.handles && html`<h3>${t("handles")}</h3><p class="hint">${t("handles-hint")}</p>
      <ul class="plain">${state.handles.map((one) => html`<li key=${one.handle} class="line server"><div><p class="address" dir="ltr">${one.handle}</p>
        <p class="hint">${t(`handle-${one.state}`)}${one.reason ? `: ${reason(one.reason)}` : ""}</p></div><span class="grow"></span>
        <${Button} kind="small" act=${() => release(one.handle)}>${t("handle-release")}</${Button}></li>`)}</ul>
      <${Form} class="inline" submit=${t("handle-claim")} kind="" disabled=${!handle.trim()} act=${claim}>
        <${Field} label=${t("handle-new")} value=${handle} input=${setHandle} placeholder="alice@….onion" spellcheck=${false} autocapitalize="off" /></${Form}>`}`;
}

function Look() {
  const language = async (tag) => {
    await note("ui.language", tag);
    await speak(tag);
    set({});
  };
  return html`
    <${Choice} label=${t("theme")} value=${setting("theme", "")} choose=${choose("theme")}
      options=${[["", t("theme-system")], ["light", t("theme-light")], ["dark", t("theme-dark")]]} />
    <${Choice} label=${t("language")} value=${setting("language", "")} choose=${language}
      options=${[["", t("language-browser")], ...Object.entries(LANGUAGES)]} />
    <h3>${t("keys")}</h3>
    <dl>
      <dt><kbd>Ctrl</kbd> <kbd>K</kbd></dt><dd>${t("keys-search")}</dd>
      <dt><kbd>Alt</kbd> <kbd>↑</kbd> <kbd>↓</kbd></dt><dd>${t("keys-next")}</dd>
      <dt><kbd>Enter</kbd></dt><dd>${t("keys-send")}</dd>
      <dt><kbd>Shift</kbd> <kbd>Enter</kbd></dt><dd>${t("keys-line")}</dd>
      <dt><kbd>Esc</kbd></dt><dd>${t("keys-close")}</dd>
    </dl>`;
}

function Privacy() {
  const notify = async (level) => {
    if (level !== "off" && globalThis.Notification && Notification.permission !== "granted") {
      if ((await Notification.requestPermission()) !== "granted") return toast(t("notify-denied"), "bad");
    }
    await note("ui.notify", level === "off" ? "" : level);
  };
  const lock = async (seconds) => {
    await note("ui.lock-after", seconds === "0" ? "" : seconds);
    tellActive();
  };
  const receipts = async (on) => {
    for (const { conversation } of accepted) {
      await takeConversation(conversation, ask("PATCH", conversationPath(conversation), { read_receipts: on }));
    }
    toast(t("saved"));
  };
  const accepted = [...state.contacts.values()].filter((contact) => contact.state === "accepted");
  const all = accepted.length > 0 && accepted.every((contact) => conversationOf(contact)?.settings.ours.read_receipts);
  const blocked = [...state.contacts.values()].filter((contact) => contact.state === "blocked");
  return html`
    <${Choice} label=${t("notify")} hint=${t("notify-hint")} value=${setting("notify", "off")} choose=${notify}
      options=${["off", "quiet", "names", "all"].map((level) => [level, t(`notify-${level}`)])} />
    <${Choice} label=${t("lock-after")} hint=${t(state.ui.host ? "lock-after-hint" : "lock-after-hint-run")} value=${String(lockAfter())} choose=${lock}
      options=${LOCKS.map((n) => [String(n), n ? duration(n) : t("never")])} />
    <h3>${t("receipts")}</h3><p class="hint">${t("receipts-all-hint")}</p>
    <div class="row"><${Button} disabled=${!accepted.length || all} act=${() => receipts(true)}>${t("receipts-all-on")}</${Button}>
      <${Button} disabled=${!accepted.length} act=${() => receipts(false)}>${t("receipts-all-off")}</${Button}></div>
    <h3>${t("blocked-people")}</h3>
    ${blocked.length === 0 && html`<p class="hint">${t("blocked-none")}</p>`}
    <ul class="plain">${blocked.map((contact) => html`<li key=${contact.id} class="line"><${Name}>${contact.name}</${Name}><span class="grow"></span>
      <${Button} kind="small" act=${async () => openDialog("person", { id: contact.id })}>${t("open")}</${Button}></li>`)}</ul>`;
}

function Network() {
  const [bridges, setBridges] = useState(state.notes.get("tor.bridges") ?? "");
  const [address, setAddress] = useState("");
  const [token, setToken] = useState("");
  const keep = async () => {
    await ask("PUT", "/v1/notes/tor.bridges", { text: bridges.trim() }).catch((problem) => {
      throw problem.code === "invalid_text" ? { code: "invalid_bridge" } : problem;
    });
    state.notes.set("tor.bridges", bridges.trim());
    toast(t("bridges-saved"));
  };
  const add = async () => {
    const server = await ask("POST", "/v1/servers", { address: address.trim(), ...(token.trim() && { token: token.trim() }) });
    setAddress("");
    setToken("");
    set({ servers: added(state.servers, server, "address") });
  };
  const remove = async (one) => {
    await ask("DELETE", `/v1/servers/${encodeURIComponent(one)}`);
    set({ servers: state.servers.filter((server) => server.address !== one) });
  };
  return html`
    <h3>${t("bridges")}</h3>
    <${Form} submit=${t("save")} kind="" act=${keep}>
      <${Field} area label=${t("bridges-lines")} hint=${t("bridges-hint")} value=${bridges} input=${setBridges} spellcheck=${false} autocapitalize="off" /></${Form}>
    ${state.servers && html`<h3>${t("servers")}</h3><p class="hint">${t("servers-hint")}</p><${Servers} remove=${remove} />
      <${Form} submit=${t("server-add")} kind="" disabled=${!address.trim()} act=${add}>
        <${Field} label=${t("server-address")} value=${address} input=${setAddress} placeholder="….onion" spellcheck=${false} autocapitalize="off" />
        <${Field} label=${t("server-token")} value=${token} input=${setToken} spellcheck=${false} autocomplete="off" /></${Form}>`}`;
}

function Profile() {
  return html`<${Passphrase} /><${Backup} />
    <h3>${t("wipe")}</h3><p class="hint">${t("wipe-hint")}</p>
    <div class="row"><${Button} kind="danger" act=${async () => sure(t("wipe"), t("wipe-sure"), t("wipe-go"), wipe)}>${t("wipe")}</${Button}></div>`;
}

async function wipe() {
  await ask("POST", "/v1/wipe", { confirm: true });
  forget();
}

function Passphrase() {
  const [old, setOld] = useState("");
  const [one, setOne] = useState("");
  const [two, setTwo] = useState("");
  const act = async () => {
    await ask("POST", "/v1/passphrase", { old, new: one });
    for (const clear of [setOld, setOne, setTwo]) clear("");
    toast(t("passphrase-changed"));
  };
  return html`<h3>${t("passphrase")}</h3>
    <${Form} submit=${t("passphrase-change")} kind="" disabled=${!old || !one || one !== two} act=${act}>
      <${Secret} label=${t("passphrase-old")} value=${old} input=${setOld} autocomplete="current-password" />
      <${Secret} label=${t("passphrase-new")} value=${one} input=${setOne} autocomplete="new-password" />
      <${Strength} passphrase=${one} />
      <${Secret} label=${t("begin-again")} value=${two} input=${setTwo} autocomplete="new-password" />
    </${Form}>`;
}

function Backup() {
  const [one, setOne] = useState("");
  const [two, setTwo] = useState("");
  const act = async () => {
    const blob = await download("/v1/backup", { passphrase: one });
    save(blob, `chive-${new Date().toISOString().slice(0, 10)}.backup`);
    setOne("");
    setTwo("");
    toast(t("backup-done"));
  };
  return html`<h3>${t("backup")}</h3><p class="hint">${t("backup-hint")}</p>
    <${Form} submit=${t("backup-make")} kind="" disabled=${!one || one !== two} act=${act}>
      <${Secret} label=${t("backup-passphrase")} value=${one} input=${setOne} autocomplete="new-password" />
      <${Secret} label=${t("begin-again")} value=${two} input=${setTwo} autocomplete="new-password" />
    </${Form}>
    <p class="hint">${t("restore-how")}</p>`;
}
