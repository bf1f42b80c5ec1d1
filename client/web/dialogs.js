// Every window over the page, by its name.

import { AddDialog, LinkDialog } from "/add.js";
import { InviteDialog } from "/invite.js";
import { PersonDialog, VerifyDialog } from "/person.js";
import { RequestsDialog } from "/requests.js";
import { SettingsDialog } from "/settings.js";
import { StatusDialog } from "/status.js";
import { SureDialog } from "/sure.js";

export const dialogs = {
  add: AddDialog,
  invite: InviteDialog,
  link: LinkDialog,
  person: PersonDialog,
  requests: RequestsDialog,
  settings: SettingsDialog,
  status: StatusDialog,
  sure: SureDialog,
  verify: VerifyDialog,
};
