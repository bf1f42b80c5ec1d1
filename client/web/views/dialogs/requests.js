// People who found us by a handle, and wait for our yes or no.

import { Button } from "../../components/button.js";
import { Avatar, Name } from "../../components/contact.js";
import { Dialog } from "../../components/dialog.js";
import { dayAndTime, t } from "../../lib/l10n.js";
import { observer } from "../../lib/observer.js";
import { visible } from "../../lib/text.js";
import { answerRequest, requests } from "../../state/requests.js";
import { html } from "../../vendor/preact.js";

export const RequestsDialog = observer(() => {
  const waiting = requests.value ?? [];
  return html`<${Dialog} title=${t("requests")}>
    <p>${t(waiting.length ? "requests-text" : "requests-none")}</p>
    <ul class="plain">
      ${waiting.map((request) => html`<${Request} key=${request.id} request=${request} />`)}
    </ul>
  </${Dialog}>`;
});

const Request = observer(({ request }) => {
  const { id, name, message, handle, received_at: at } = request;
  return html`<li class="request">
    <div class="line">
      <${Avatar} id=${id} name=${name} />
      <div>
        <${Name}>${name}</${Name}>
        <p class="hint">${t("request-by", { handle, when: dayAndTime(at) })}</p>
      </div>
    </div>
    ${message && html`<blockquote dir="auto">${visible(message)}</blockquote>`}
    <div class="row">
      <${Button} kind="primary" act=${() => answerRequest(id, "accept")}>${t("accept")}</${Button}>
      <${Button} act=${() => answerRequest(id, "decline")}>${t("decline")}</${Button}>
      <${Button} kind="danger" act=${() => answerRequest(id, "block")}>${t("block")}</${Button}>
    </div>
  </li>`;
});
