// How a contact is shown: avatar, name, and presence as a dot or in words.

import { dayAndTime, describeReason, t } from "../lib/l10n.js";
import { colour, initials, visible } from "../lib/text.js";
import { html } from "../vendor/preact.js";

export const Avatar = ({ id, name, small }) =>
  html`<span class=${`avatar c${colour(id)} ${small ? "small" : ""}`} aria-hidden="true">
    ${initials(name)}</span>`;

/** A name, which cannot run into what stands beside it. */
export const Name = ({ children }) => html`<bdi class="name">${visible(children ?? "")}</bdi>`;

export function PresenceDot({ contact }) {
  const known = contact.state === "accepted" ? contact.presence : "unknown";
  const label = t(`presence-${known}`);
  return html`<span class=${`dot ${known}`} role="img" aria-label=${label}></span>`;
}

export function describePresence(contact) {
  if (contact.state === "blocked") return t("blocked");
  if (contact.state === "requested") return t("asked");
  if (contact.state === "refused") return describeReason(contact.reason);

  const { presence, presence_source: source, presence_reason: why, since } = contact;
  const how = source ? ` · ${t(`source-${source}`)}` : "";
  if (presence === "offline" && since) {
    return t("seen-last", { when: dayAndTime(since) }) + (source === "server" ? how : "");
  }
  if (presence === "unknown" && why) return `${t("presence-unknown")}: ${describeReason(why)}`;
  return t(`presence-${presence}`) + how;
}
