// People who found us by a handle, and wait for our yes or no.

import { html } from "/vendor/preact.js";
import { ask } from "/api.js";
import { dayAndTime, t } from "/l10n.js";
import { set, state } from "/state.js";
import { visible } from "/text.js";
import { Avatar, Button, Dialog, Name } from "/ui.js";

export function RequestsDialog() {
  const requests = state.requests ?? [];
  const decide = async (id, decision) => {
    await ask("POST", `/v1/requests/${id}`, { decision });
    set({ requests: state.requests.filter((request) => request.id !== id) });
  };
  return html`<${Dialog} title=${t("requests")}>
    <p>${requests.length ? t("requests-text") : t("requests-none")}</p>
    <ul class="plain">${requests.map(({ id, name, message, handle, received_at: at }) => html`<li key=${id} class="request">
      <div class="line"><${Avatar} id=${id} name=${name} /><div><${Name}>${name}</${Name}><p class="hint">${t("request-by", { handle, when: dayAndTime(at) })}</p></div></div>
      ${message && html`<blockquote dir="auto">${visible(message)}</blockquote>`}
      <div class="row"><${Button} kind="primary" act=${() => decide(id, "accept")}>${t("accept")}</${Button}>
        <${Button} act=${() => decide(id, "decline")}>${t("decline")}</${Button}>
        <${Button} kind="danger" act=${() => decide(id, "block")}>${t("block")}</${Button}></div>
    </li>`)}</ul>
  </${Dialog}>`;
}
