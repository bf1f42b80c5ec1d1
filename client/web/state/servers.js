// Our presence servers, which tell contacts that we are online.

import { ask } from "../lib/api.js";
import { withNewItem } from "../lib/collections.js";
import { signal } from "../vendor/signals.js";

/** Null if the node knows of no servers. */
export const servers = signal(null);

export async function addServer(address, token) {
  const server = await ask("POST", "/v1/servers", { address, ...(token && { token }) });
  servers.value = withNewItem(servers.value, server, "address");
}

export async function removeServer(address) {
  await ask("DELETE", `/v1/servers/${encodeURIComponent(address)}`);
  servers.value = servers.value.filter((server) => server.address !== address);
}
