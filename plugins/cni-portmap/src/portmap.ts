import type { NftRule } from '@berth/sdk/cni/nft';
import { listNftRules, runNft, tryNft } from '@berth/sdk/cni/nft';
import type { PluginRequest } from '@berth/sdk/cni/plugin';
import { cniPlugin } from '@berth/sdk/cni/plugin';
import { CniError, errorCodes, isObject } from '@berth/sdk/cni/types';
import { invalid } from './configuration.ts';
import { readForwarding } from './forwarding.ts';
import { localnetDevice, routeLocalnet, routesLocalnet } from './localnet.ts';
import { deletionScript, missingOf, rulesOf, staleRules } from './rules.ts';
import { forwardingScript, table } from './script.ts';
import { endStaleConnections } from './stale-connections.ts';

/** Leads ports of the host to a container that the plugins before it in the chain have connected. */
export const plugin = cniPlugin({
  name: 'portmap',

  add(request) {
    const forwarding = readForwarding(request);
    if (forwarding) {
      const device = localnetDevice(forwarding);
      runNft(forwardingScript(forwarding, device !== undefined), { object: `port mappings of container ${request.containerId}` });
      if (device !== undefined) letLocalhostIn(request, device);
      endStaleConnections(forwarding);
    }
    return request.prevResult ?? {};
  },

  // Without a look at the rest of its configuration: what one with other keys, or other ports, made goes too.
  del(request) {
    if (!saysNoPorts(request)) removeRules(request);
  },

  check(request) {
    const forwarding = readForwarding(request);
    if (!forwarding) return;
    const device = localnetDevice(forwarding);
    const missing = missingOf(forwarding, listNftRules(table));
    if (device !== undefined && !routesLocalnet(device)) missing.push(`route_localnet of interface ${device}`);
    if (missing.length === 0) return;
    const object = `port mappings of container ${request.containerId}`;
    throw new CniError(errorCodes.internal, `lack ${missing.join(', ')}`, { object, hint: 'run DEL and ADD again' });
  },

  gc({ config }) {
    const valid = validContainers(config['cni.dev/valid-attachments']);
    deleteRules((rules) => staleRules(rules, config.name ?? '', valid));
  },

  status() {
    const outcome = tryNft(['list', 'tables']);
    if (typeof outcome === 'string') return;
    const hint = outcome.notInstalled ? 'install nftables' : 'run it as root, on a kernel with nf_tables';
    throw new CniError(errorCodes.notAvailable, outcome.reason, { object: 'nft', hint });
  },
});

/** Whether the runtime knows the attachment by its result, and says as it said to ADD that it has no ports: nft isn't asked then. */
function saysNoPorts({ config: { runtimeConfig }, prevResult }: PluginRequest): boolean {
  if (!prevResult) return false;
  const ports = isObject(runtimeConfig) ? runtimeConfig.portMappings : undefined;
  return Array.isArray(ports) && ports.length === 0;
}

/** The rules are there already, among them the one that keeps containers from the host's 127.0.0.1. */
function letLocalhostIn(request: PluginRequest, device: string): void {
  try {
    routeLocalnet(device);
  } catch (thrown) {
    removeRules(request);
    throw thrown;
  }
}

function removeRules({ config, containerId }: PluginRequest): void {
  deleteRules((rules) => rulesOf(rules, { network: config.name ?? '', containerId }));
}

const deletionAttempts = 5;

/**
 * Deletes the rules that `choose` takes, with the counter of a network that has none left. All go at once or none: where another
 * call was faster, what is left is tried again.
 */
function deleteRules(choose: (rules: NftRule[]) => NftRule[]): void {
  let reason = '';
  for (let attempt = 0; attempt < deletionAttempts; attempt++) {
    const all = listNftRules(table);
    const rules = choose(all);
    if (rules.length === 0) return;
    const outcome = tryNft(['-f', '-'], deletionScript(rules, all));
    if (typeof outcome === 'string') return;
    reason = outcome.reason;
    if (!/No such file|resource busy/.test(reason)) break;
  }
  throw new CniError(errorCodes.ioFailure, reason, { object: `nft table ${table}` });
}

/** The containers of a GC's valid attachments. A list that can't be read would pass for one with nothing in it. */
function validContainers(attachments: unknown): string[] {
  const key = 'cni.dev/valid-attachments';
  if (!Array.isArray(attachments)) throw invalid(key, 'must be a list');
  return attachments.map((attachment, index) => {
    if (isObject(attachment) && typeof attachment.containerID === 'string') return attachment.containerID;
    throw invalid(`${key}[${index}]`, 'has no containerID');
  });
}
