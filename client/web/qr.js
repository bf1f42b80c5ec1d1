// QR codes: drawn for a link, read from a camera or a picture. Nothing of either leaves the page.

import { html, useEffect, useRef, useState } from "/vendor/preact.js";
import { t } from "/l10n.js";
import { Button, save } from "/ui.js";

const QUIET = 4;

async function modules(text) {
  const { encodeQR } = await import("/vendor/qr/index.js");
  return encodeQR(text.toUpperCase(), "raw", { border: QUIET, ecc: "medium" });
}

async function paint(canvas, text, scale) {
  const rows = await modules(text);
  canvas.width = canvas.height = rows.length * scale;
  const brush = canvas.getContext("2d");
  brush.fillStyle = "#fff";
  brush.fillRect(0, 0, canvas.width, canvas.height);
  brush.fillStyle = "#000";
  rows.forEach((row, y) => row.forEach((dark, x) => dark && brush.fillRect(x * scale, y * scale, scale, scale)));
}

/** A code, with what can be done with it; `taken` hears that it was saved or printed. */
export function Code({ text, label, name, more = true, taken }) {
  const ref = useRef(null);
  useEffect(() => { paint(ref.current, text, 8); }, [text]);
  const file = async () => {
    save(await new Promise((done) => ref.current.toBlob(done, "image/png")), `${name}.png`);
    taken?.();
  };
  const paper = async () => {
    taken?.();
    print();
  };
  return html`<div class="code">
    <canvas ref=${ref} role="img" aria-label=${label} width="300" height="300"></canvas>
    ${more && html`<div class="row">
      <${Button} act=${file}>${t("qr-save")}</${Button}>
      <${Button} act=${paper}>${t("qr-print")}</${Button}>
    </div>`}
  </div>`;
}

/** What a picture says, or null. */
export async function read(image) {
  const { decodeQR } = await import("/vendor/qr/decode.js");
  try {
    return decodeQR(image);
  } catch {
    return null;
  }
}

function pixels(source, width, height) {
  const scale = Math.min(1, 1600 / Math.max(width, height));
  const canvas = new OffscreenCanvas(Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale)));
  const brush = canvas.getContext("2d", { willReadFrequently: true });
  brush.drawImage(source, 0, 0, canvas.width, canvas.height);
  return brush.getImageData(0, 0, canvas.width, canvas.height);
}

/** Reads a code from the camera, or from a picture. */
export function Scanner({ found }) {
  const [camera, setCamera] = useState(false);
  const [said, say] = useState("");
  const picture = async (event) => {
    const file = event.currentTarget.files[0];
    event.currentTarget.value = "";
    if (!file) return;
    say(t("qr-reading"));
    try {
      const bitmap = await createImageBitmap(file);
      const text = await read(pixels(bitmap, bitmap.width, bitmap.height));
      say(text ? "" : t("qr-none"));
      if (text) found(text);
    } catch {
      say(t("qr-no-picture"));
    }
  };
  return html`<div class="scanner">
    <div class="row">
      ${navigator.mediaDevices && html`<button type="button" class="button" aria-pressed=${camera ? "true" : "false"} onClick=${() => setCamera(!camera)}>${t(camera ? "qr-camera-off" : "qr-camera")}</button>`}
      <label class="button file">${t("qr-picture")}<input type="file" class="unseen" accept="image/*" onChange=${picture} /></label>
    </div>
    ${camera && html`<${Camera} found=${(text) => { setCamera(false); found(text); }} failed=${() => { setCamera(false); say(t("qr-no-camera")); }} />`}
    <p class="hint" role="status">${said}</p>
  </div>`;
}

function Camera({ found, failed }) {
  const ref = useRef(null);
  useEffect(() => {
    let stream = null, timer = null, over = false;
    const look = async () => {
      const video = ref.current;
      const text = video?.videoWidth ? await read(pixels(video, video.videoWidth, video.videoHeight)) : null;
      if (over) return;
      if (text) found(text);
      else timer = setTimeout(look, 200);
    };
    navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" }, audio: false }).then((given) => {
      stream = given;
      if (over) return stream.getTracks().forEach((track) => track.stop());
      ref.current.srcObject = stream;
      ref.current.play();
      look();
    }, failed);
    return () => {
      over = true;
      clearTimeout(timer);
      stream?.getTracks().forEach((track) => track.stop());
    };
  }, []);
  return html`<video ref=${ref} muted playsinline aria-label=${t("qr-camera")}></video>`;
}
