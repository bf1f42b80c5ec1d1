// Events about the node itself, and what it keeps apart from conversations. Pure: see reduce.js.

import { withItem } from "./collections.js";
import { refreshStatus } from "./effects.js";

export function torChanged({ status }, { tor }) {
  return { changes: { status: { ...status, tor } } };
}

export function doorsChanged({ status }, { front_door, endpoint }) {
  return { changes: { status: { ...status, front_door, endpoint } } };
}

export function serverChanged({ servers }, { server }) {
  return { changes: { servers: withItem(servers, server, "address") }, effects: [refreshStatus] };
}

export function handleChanged({ handles }, { handle }) {
  return { changes: { handles: withItem(handles, handle, "handle") } };
}

/** Events tell of invitations without their links. */
export function invitationChanged({ invitations }, { invitation }) {
  const link = invitations?.find(({ id }) => id === invitation.id)?.link;
  return { changes: { invitations: withItem(invitations, { link, ...invitation }, "id") } };
}

export function requestCame({ requests }, { request }) {
  return { changes: { requests: withItem(requests, request, "id") }, effects: [refreshStatus] };
}

export function requestGone({ requests }, { id }) {
  const left = requests?.filter((request) => request.id !== id);
  return { changes: { requests: left ?? requests }, effects: [refreshStatus] };
}
