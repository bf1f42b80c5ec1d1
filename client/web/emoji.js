// Emoji to choose from: those that people use most. The keyboard has the rest.

import { html, useEffect, useRef, useState } from "/vendor/preact.js";
import { t } from "/l10n.js";
import { Icon } from "/ui.js";

const ALL = [..."😀😃😄😁😆😅😂🤣😊😇🙂🙃😉😌😍🥰😘😋😛😜🤪🤨🧐🤓😎🥳😏😒😞😔😟😕🙁😣😖😫😩🥺😢😭😤😠😡🤯😳🥵🥶😱😨😰😥🤗🤔🤭🤫🤥😶😐😑😬🙄😯😴🤤🤐🤢🤒🤕👍👎👌🤞🤝👏🙌👋🙏💪👀🧠💔💯💥💫💤🌱🌿🌸🌞🌙⭐🔥🎉🎂🎁🎈🏆⚽🎵🎶📷📖💡🔒🔑📌📎⏰✅❌❓❗🚀🚲🚌🏠🍎🍕🍞🍰🍷🍺🐱🐶🐦🐢🦊🐝🦄"];

export function EmojiButton({ choose }) {
  const [open, setOpen] = useState(false);
  const ref = useRef(null);
  useEffect(() => {
    if (!open) return undefined;
    ref.current.querySelector(".emoji button")?.focus();
    const away = (event) => { if (!ref.current?.contains(event.target)) setOpen(false); };
    addEventListener("pointerdown", away);
    return () => removeEventListener("pointerdown", away);
  }, [open]);
  const keyed = (event) => {
    if (event.key === "Escape") setOpen(false);
    const buttons = [...ref.current.querySelectorAll(".emoji button")];
    const at = buttons.indexOf(document.activeElement);
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: 8, ArrowUp: -8 }[event.key];
    if (at < 0 || !step) return;
    event.preventDefault();
    buttons[Math.max(0, Math.min(buttons.length - 1, at + step))].focus();
  };
  return html`<div class="emoji-box" ref=${ref} onKeyDown=${keyed}>
    <button type="button" class="button quiet round" aria-label=${t("emoji")} title=${t("emoji")} aria-expanded=${open ? "true" : "false"} onClick=${() => setOpen(!open)}><${Icon} name="emoji" /></button>
    ${open && html`<div class="emoji" role="group" aria-label=${t("emoji")}>
      ${ALL.map((emoji, i) => html`<button type="button" key=${emoji} tabindex=${i ? -1 : 0} aria-label=${emoji} onClick=${() => { setOpen(false); choose(emoji); }}>${emoji}</button>`)}</div>`}
  </div>`;
}
