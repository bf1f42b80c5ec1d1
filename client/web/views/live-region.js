// Says aloud what came to the open conversation, where the page is read aloud.

import { t } from "../lib/l10n.js";
import { observer } from "../lib/observer.js";
import { oneLine } from "../lib/text.js";
import { onArrival } from "../state/messages.js";
import { authorOf } from "../state/timeline.js";
import { html, useEffect, useState } from "../vendor/preact.js";

export const LiveRegion = observer(({ conversation }) => {
  const [text, setText] = useState("");
  useEffect(
    () =>
      onArrival((message) => {
        if (message.conversation !== conversation) return;
        setText(`${t("from", { name: authorOf(message) })} ${oneLine(message.text)}`);
      }),
    [],
  );
  return html`<p class="unseen" role="status" aria-live="polite">${text}</p>`;
});
