// Every dialog over the page, by its name.

import { AddDialog } from "./add.js";
import { ConfirmDialog } from "./confirm.js";
import { ContactDialog } from "./contact.js";
import { InviteDialog } from "./invite.js";
import { LinkDialog } from "./link.js";
import { RequestsDialog } from "./requests.js";
import { SettingsDialog } from "./settings.js";
import { StatusDialog } from "./status.js";
import { VerifyDialog } from "./verify.js";

export const DIALOGS = {
  add: AddDialog,
  confirm: ConfirmDialog,
  contact: ContactDialog,
  invite: InviteDialog,
  link: LinkDialog,
  requests: RequestsDialog,
  settings: SettingsDialog,
  status: StatusDialog,
  verify: VerifyDialog,
};
