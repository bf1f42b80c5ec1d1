// Why something waits, or went wrong. The node says it in English; what is known here is said in the person's language,
// and what is not is shown as it came.

import { says, t } from "/l10n.js";
import { visible } from "/text.js";

const KNOWN = {
  "the contact is gone": "why-gone",
  "the contact is blocked": "why-blocked",
  "the contact refused our request": "why-refused",
  "waiting for the contact's answer": "why-answer",
  "the contact has not confirmed it yet": "why-unconfirmed",
  "the conversation begins afresh as soon as the contact is reachable": "why-afresh-later",
  "no connection to the contact": "why-no-link",
  "the contact has not answered our request yet": "why-unanswered",
  "connecting": "why-connecting",
  "it is made when there is something to send": "why-when-needed",
  "Tor is not ready": "why-tor",
  "the contact is not reachable now": "why-unreachable",
  "who answers there could not prove to be the contact": "why-unproved",
  "the contact did not answer in time": "why-late",
  "the contact closed the connection": "why-closed",
  "its answer cannot be used": "why-unusable",
  "its answer could not be stored": "why-unstored",
  "its own request to us comes first": "why-crossed",
  "its version of Chive cannot begin a conversation afresh": "why-old-version",
  "the invitation has been used: ask for another": "why-used",
  "the invitation has expired: ask for another": "why-expired",
  "the invitation was taken back by its owner": "why-revoked",
  "its owner has you as a contact already, and this link cannot begin the conversation anew: ask for another": "why-known",
  "its owner's client cannot use the request: its version or its clock may differ from yours": "why-version",
  "the owner of the invitation did not accept": "why-declined",
  "who answers there is not whom the link names: ask for the link again": "why-wrong-peer",
  "starting Tor": "tor-starting",
  "Tor is stopped": "tor-stopped",
  "connected to Tor": "tor-connected",
  "connected": "tor-connected",
  "connecting to the Tor network": "tor-connecting",
  "the connection to the Tor network is lost; trying again": "tor-lost",
  "this machine seems to be offline: check its internet connection": "tor-offline",
  "something between this machine and Tor filters the connection: set up bridges in the configuration": "tor-filtered",
  "no Tor relay answers: check the internet connection; where Tor is blocked, set up bridges in the configuration": "tor-no-relay",
  "this machine's clock seems to be wrong: set its date, time and time zone right": "tor-clock",
  "the Tor directory cannot be downloaded: check this machine's date and time; if they are right, wait, or set up bridges in the configuration": "tor-directory",
  "Tor cannot use its files in the profile: check that the disk is not full and that they belong to this user, then start again": "tor-files",
  "its owner has not answered yet": "why-pending",
  "its owner said no": "why-said-no",
  "it announces itself to no server": "presence-no-server",
  "its last word at its server has expired": "presence-expired",
  "its server has no word of it": "presence-no-word",
  "not asked yet": "server-starting",
  "the network is not ready": "why-tor",
  "nobody answers there": "server-nobody",
  "no answer in time": "server-slow",
  "the connection to it broke": "server-broke",
  "it did not answer in time": "server-slow",
  "it is closed: it takes what we announce with a token alone": "server-closed",
  "it is full": "server-full",
  "it is busy, or stopping": "server-busy",
  "its clock and ours differ: check the clock": "server-clock",
  "somebody else has this handle": "handle-taken",
  "the handle is not ours": "handle-not-ours",
  "it keeps no handles": "handle-none-kept",
  "there is nobody with this handle": "handle-nobody",
  "it does not take what we sent: its version may differ from ours": "server-version",
  "it showed an older record after a newer one": "server-lies",
  "it showed two different records with one number": "server-lies",
  "its board goes back in time": "server-lies",
  "it showed a record that its owner did not sign": "server-lies",
};

const FORMS = [
  [/^its server: (.+)$/su, ([, why]) => t("presence-server", { why: reason(why) })],
  [/^it cannot be reached: (.+)$/su, ([, why]) => reason(why)],
  [/^its (?:answer|board) cannot be used: /su, () => t("server-unusable")],
  [/^it asks for \d+ bits of work, which is too much$/su, () => t("server-dear")],
  [/^the conversation begins afresh: (.+)$/su, ([, why]) => t("why-afresh", { why: reason(why) })],
  [/^(.+); next try in (\d+) s$/su, ([, why, n]) => t("why-next-try", { why: reason(why), n: Number(n) })],
  [/^(.+?) \((\d+) %\)$/su, ([, why, n]) => t("why-percent", { why: reason(why), n: Number(n) })],
  [/^downloading the directory: (\d+) %$/su, ([, n]) => t("tor-downloading", { n: Number(n) })],
  [/^nothing has moved for (\d+) seconds: /su, ([, n]) => t("tor-slow", { n: Number(n) })],
  [/^this machine's clock seems (.+?): set its date/su, () => t("tor-clock")],
  [/^(.{6,}?): (.+)$/su, ([whole, one, two]) => (one in KNOWN ? t("why-both", { one: reason(one), two: reason(two) }) : visible(whole))],
];

/** A reason of the node, in words for a person. */
export function reason(said) {
  if (!said) return "";
  if (said in KNOWN) return t(KNOWN[said]);
  for (const [form, say] of FORMS) {
    const match = said.match(form);
    if (match) return say(match);
  }
  return visible(said);
}

/** A refused request, in words for a person: by its code where we have words for it. */
export function trouble(problem) {
  const id = `error-${String(problem.code ?? "unknown").replaceAll("_", "-")}`;
  return says(id) ? t(id) : visible(problem.message ?? String(problem));
}
