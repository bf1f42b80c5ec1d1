// QR codes, drawn. What they say does not leave the page.

import { saveFile } from "../lib/files.js";
import { t } from "../lib/l10n.js";
import { html, useEffect, useRef } from "../vendor/preact.js";
import { Button } from "./button.js";

/** How many modules around the code stay white. */
const BORDER = 4;
/** How many pixels a module has. */
const SCALE = 8;

async function paint(canvas, text) {
  const { encodeQR } = await import("../vendor/qr/index.js");
  const rows = encodeQR(text.toUpperCase(), "raw", { border: BORDER, ecc: "medium" });
  canvas.width = rows.length * SCALE;
  canvas.height = rows.length * SCALE;

  const brush = canvas.getContext("2d");
  brush.fillStyle = "#fff";
  brush.fillRect(0, 0, canvas.width, canvas.height);
  brush.fillStyle = "#000";
  for (const [y, row] of rows.entries()) {
    for (const [x, isDark] of row.entries()) {
      if (isDark) brush.fillRect(x * SCALE, y * SCALE, SCALE, SCALE);
    }
  }
}

/** A code, which can be saved and printed unless it `isPlain`; `onTaken` hears that it was. */
export function QrCode({ text, label, name, isPlain, onTaken }) {
  const ref = useRef(null);
  useEffect(() => {
    paint(ref.current, text);
  }, [text]);
  const savePicture = async () => {
    const picture = await new Promise((done) => ref.current.toBlob(done, "image/png"));
    saveFile(picture, `${name}.png`);
    onTaken?.();
  };
  const printPage = async () => {
    onTaken?.();
    print();
  };

  return html`<div class="code">
    <canvas ref=${ref} role="img" aria-label=${label} width="300" height="300"></canvas>
    ${
      !isPlain &&
      html`<div class="row">
        <${Button} act=${savePicture}>${t("qr-save")}</${Button}>
        <${Button} act=${printPage}>${t("qr-print")}</${Button}>
      </div>`
    }
  </div>`;
}
