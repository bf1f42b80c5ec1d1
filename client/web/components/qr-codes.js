// Draws QR codes, and reads them from a camera or a picture. Neither leaves the page.

import { saveFile } from "../lib/files.js";
import { t } from "../lib/l10n.js";
import { html, useEffect, useRef, useState } from "../vendor/preact.js";
import { Button } from "./button.js";

const BORDER = 4;
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

/** A code, which can be saved and printed unless it `isPlain`; `onTaken` is called when it was. */
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

/** Larger pictures are made smaller before a code is looked for, in pixels. */
const LARGEST = 1600;
const LOOK_EVERY = 200;

async function decode(source, width, height) {
  const { decodeQR } = await import("../vendor/qr/decode.js");
  try {
    return decodeQR(pixels(source, width, height));
  } catch {
    return null;
  }
}

function pixels(source, width, height) {
  const scale = Math.min(1, LARGEST / Math.max(width, height));
  const size = (length) => Math.max(1, Math.round(length * scale));
  const canvas = new OffscreenCanvas(size(width), size(height));
  const brush = canvas.getContext("2d", { willReadFrequently: true });
  brush.drawImage(source, 0, 0, canvas.width, canvas.height);
  return brush.getImageData(0, 0, canvas.width, canvas.height);
}

export function QrScanner({ onFound }) {
  const [isCameraOn, setCamera] = useState(false);
  const [message, setMessage] = useState("");

  const read = async (event) => {
    const file = event.currentTarget.files[0];
    event.currentTarget.value = "";
    if (!file) return;
    setMessage(t("qr-reading"));
    try {
      const bitmap = await createImageBitmap(file);
      const text = await decode(bitmap, bitmap.width, bitmap.height);
      setMessage(text ? "" : t("qr-none"));
      if (text) onFound(text);
    } catch {
      setMessage(t("qr-no-picture"));
    }
  };
  const seen = (text) => {
    setCamera(false);
    onFound(text);
  };
  const failed = () => {
    setCamera(false);
    setMessage(t("qr-no-camera"));
  };

  return html`<div class="scanner">
    <div class="row">
      ${
        navigator.mediaDevices &&
        html`<button type="button" class="button" aria-pressed=${isCameraOn ? "true" : "false"}
          onClick=${() => setCamera(!isCameraOn)}>
          ${t(isCameraOn ? "qr-camera-off" : "qr-camera")}
        </button>`
      }
      <label class="button file">${t("qr-picture")}
        <input type="file" class="unseen" accept="image/*" onChange=${read} />
      </label>
    </div>
    ${isCameraOn && html`<${Camera} onFound=${seen} onFailed=${failed} />`}
    <p class="hint" role="status">${message}</p>
  </div>`;
}

function Camera({ onFound, onFailed }) {
  const ref = useRef(null);
  useEffect(() => {
    let stream = null;
    let timer = null;
    let isOver = false;
    const stop = () => {
      for (const track of stream?.getTracks() ?? []) track.stop();
    };
    const look = async () => {
      const video = ref.current;
      const isOn = video?.videoWidth > 0;
      const text = isOn ? await decode(video, video.videoWidth, video.videoHeight) : null;
      if (isOver) return;
      if (text) onFound(text);
      else timer = setTimeout(look, LOOK_EVERY);
    };
    const begin = (given) => {
      stream = given;
      if (isOver) return stop();
      ref.current.srcObject = stream;
      ref.current.play();
      look();
    };

    const wanted = { video: { facingMode: "environment" }, audio: false };
    navigator.mediaDevices.getUserMedia(wanted).then(begin, onFailed);
    return () => {
      isOver = true;
      clearTimeout(timer);
      stop();
    };
  }, []);

  return html`<video ref=${ref} muted playsinline aria-label=${t("qr-camera")}></video>`;
}
