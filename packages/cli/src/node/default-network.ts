import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { isConfigFileName } from '@berth/sdk/cni/config';
import type { NodeConfiguration } from '../configuration/node-configuration.ts';
import { writeWholeFile } from '../files/write-whole-file.ts';

const fileName = '10-berth.conflist';

/** Whether the CNI configuration directory has no network but the node's own, or none. */
export function needsDefaultNetwork(confDir: string): boolean {
  return !existsSync(confDir) || readdirSync(confDir).every((name) => !isConfigFileName(name) || name === fileName);
}

/**
 * Writes the node's own network, a bridge with host-local addresses and ports of the host, into the CNI configuration directory unless some
 * configuration is there already. cniVersion 1.0.0, so that the reference plugins of Debian 12 take it too.
 */
export function writeDefaultNetwork({ bridge, subnet }: NodeConfiguration['cni'], confDir: string, root: string): void {
  if (!needsDefaultNetwork(confDir)) return;
  const network = JSON.stringify(defaultNetwork(bridge, subnet, join(root, 'cni/networks')), undefined, 2);
  writeWholeFile(join(confDir, fileName), `${network}\n`, { mode: 0o644, directoryMode: 0o755 });
}

function defaultNetwork(bridge: string, subnet: string, dataDir: string): object {
  const anywhere = subnet.includes(':') ? '::/0' : '0.0.0.0/0';
  return {
    cniVersion: '1.0.0',
    name: bridge,
    plugins: [
      {
        type: 'bridge',
        bridge,
        isGateway: true,
        ipMasq: true,
        hairpinMode: true,
        ipam: { type: 'host-local', ranges: [[{ subnet }]], routes: [{ dst: anywhere }], dataDir },
      },
      { type: 'portmap', backend: 'nftables', capabilities: { portMappings: true } },
    ],
  };
}
