import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readConfigDirectory } from '@berth/sdk/cni/config';
import type { CniDirectories } from '../node/runtime-command.ts';
import { type Finding, failed, ok, warning } from './check.ts';

const neededPlugins = ['bridge', 'host-local', 'portmap'];

export function checkCniPlugins({ binDirs }: CniDirectories): Finding {
  const missing = neededPlugins.filter((plugin) => !binDirs.some((directory) => existsSync(join(directory, plugin))));
  const found = binDirs.join(', ');
  if (missing.length === 0) return ok('CNI plugins', found);
  return failed(
    'CNI plugins',
    `no ${missing.join(', ')} in ${found}`,
    'run "npm run setup" in a checkout, or name their folder as cni.binDirs in berth.yaml',
  );
}

/** The network that pods get is the first file that loads; files that don't are named with their cause. */
export async function checkCniConfiguration({ confDir }: CniDirectories): Promise<Finding> {
  const name = 'CNI configuration';
  const { networks, problems } = await readConfigDirectory(confDir);
  const [first] = networks;
  const found = first ? `network ${first.name} of ${first.file}` : `none in ${confDir}`;
  if (problems.length > 0) return warning(name, found, `mend or remove: ${problems.map((problem) => problem.message).join('; ')}`);
  return ok(name, first ? found : `${found}; the node writes a bridge network there`);
}

export function checkForwarding(): Finding {
  const value = existsSync('/proc/sys/net/ipv4/ip_forward') ? readFileSync('/proc/sys/net/ipv4/ip_forward', 'utf8').trim() : '';
  return ok('IP forwarding', value === '1' ? 'on' : 'off; the bridge plugin turns it on while the node runs');
}

/** A FORWARD chain whose policy is drop, as Docker's is, keeps pods from everything outside their bridge. */
export function checkForwardPolicy(): Finding {
  const name = 'firewall, forwarded packets';
  const listed = spawnSync('nft', ['-j', 'list', 'chains'], { encoding: 'utf8', timeout: 5000 });
  if (listed.status !== 0) return warning(name, 'nft could not list the rules', 'run berth doctor as root');
  const chains = (JSON.parse(listed.stdout) as { nftables: { chain?: Chain }[] }).nftables.flatMap((object) => object.chain ?? []);
  const dropping = chains.find((chain) => chain.hook === 'forward' && chain.policy === 'drop');
  if (!dropping) return ok(name, 'not dropped by policy');
  return warning(
    name,
    `dropped by policy of ${dropping.family} ${dropping.table} ${dropping.name}`,
    'pods reach each other but not the outside; allow them: iptables -I FORWARD -i berth0 -j ACCEPT; iptables -I FORWARD -o berth0 -j ACCEPT',
  );
}

interface Chain {
  family: string;
  table: string;
  name: string;
  hook?: string;
  policy?: string;
}
