// A button that opens a grid of common emoji to choose from, by pointer or arrow keys.

import { t } from "../lib/l10n.js";
import { html, useEffect, useRef, useState } from "../vendor/preact.js";
import { Icon } from "./button.js";

const EMOJI = [
  ..."😀😃😄😁😆😅😂🤣😊😇🙂🙃😉😌😍🥰😘😋😛😜🤪🤨🧐🤓",
  ..."😎🥳😏😒😞😔😟😕🙁😣😖😫😩🥺😢😭😤😠😡🤯😳🥵🥶😱",
  ..."😨😰😥🤗🤔🤭🤫🤥😶😐😑😬🙄😯😴🤤🤐🤢🤒🤕👍👎👌🤞",
  ..."🤝👏🙌👋🙏💪👀🧠💔💯💥💫💤🌱🌿🌸🌞🌙⭐🔥🎉🎂🎁🎈",
  ..."🏆⚽🎵🎶📷📖💡🔒🔑📌📎⏰✅❌❓❗🚀🚲🚌🏠🍎🍕🍞🍰",
  ..."🍷🍺🐱🐶🐦🐢🦊🐝🦄",
];
const COLUMNS = 8;
const STEPS = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: COLUMNS, ArrowUp: -COLUMNS };

export function EmojiPicker({ choose }) {
  const [isOpen, setOpen] = useState(false);
  const ref = useRef(null);
  useEffect(() => {
    if (!isOpen) return undefined;
    ref.current.querySelector(".emoji button")?.focus();
    const pressed = (event) => {
      if (!ref.current?.contains(event.target)) setOpen(false);
    };
    addEventListener("pointerdown", pressed);
    return () => removeEventListener("pointerdown", pressed);
  }, [isOpen]);

  const keyPressed = (event) => {
    if (event.key === "Escape") setOpen(false);
    const buttons = [...ref.current.querySelectorAll(".emoji button")];
    const at = buttons.indexOf(document.activeElement);
    const step = STEPS[event.key];
    if (at < 0 || !step) return;
    event.preventDefault();
    buttons[Math.max(0, Math.min(buttons.length - 1, at + step))].focus();
  };
  const pick = (emoji) => {
    setOpen(false);
    choose(emoji);
  };

  return html`<div class="emoji-box" ref=${ref} onKeyDown=${keyPressed}>
    <button type="button" class="button quiet round" aria-label=${t("emoji")} title=${t("emoji")}
      aria-expanded=${isOpen ? "true" : "false"} onClick=${() => setOpen(!isOpen)}>
      <${Icon} name="emoji" />
    </button>
    ${
      isOpen &&
      html`<div class="emoji" role="group" aria-label=${t("emoji")}>
        ${EMOJI.map(
          (emoji, i) => html`<button type="button" key=${emoji} tabindex=${i ? -1 : 0}
            aria-label=${emoji} onClick=${() => pick(emoji)}>${emoji}</button>`,
        )}
      </div>`
    }
  </div>`;
}
