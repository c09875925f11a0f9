import { setTimeout as wait } from 'node:timers/promises';
import type { Prefix } from '@berth/sdk/cni/address';
import { PluginError } from '@berth/sdk/errors';
import type { Logger } from 'pino';
import type { Backend } from './backends/backend.ts';
import { createBackend } from './backends/create-backend.ts';
import { createFirewall } from './firewall/create-firewall.ts';
import type { Flags } from './flags.ts';
import { HostNetwork, type HostNetworkParts } from './host-network.ts';
import { findExternalInterface } from './interface/external-interface.ts';
import { type NetworkConfig, parseNetworkConfig } from './network-config.ts';
import { entriesOf, type PerFamily, perFamily } from './per-family.ts';
import { describeSubnets, type Lease } from './subnet/lease.ts';
import { type HostSubnet, readSubnets, writeSubnetFile } from './subnet/subnet-file.ts';
import type { SubnetStore } from './subnet/subnet-store.ts';
import { Troubles } from './troubles.ts';

/** Between two attempts to reach the store, while the daemon starts. */
const retryMs = 1_000;

/** What a daemon is given. */
interface FlanneldParts {
  flags: Flags;
  store: SubnetStore;
  log: Logger;
}

/**
 * Joins this host (the network namespace that it runs in) to the network, and keeps it joined until `signal` aborts. Rejects where it can't, and
 * with ABORTED when this host's lease was taken away: pods keep their addresses then, but nobody sends to them any more.
 */
export async function runFlanneld(parts: FlanneldParts, signal: AbortSignal): Promise<void> {
  const { flags, store, log } = parts;
  const config = parseNetworkConfig(
    await untilReached('the network configuration', parts, signal, () => store.readConfig(signal)),
    store.configObject,
  );
  store.checkConfig(config);
  const families = entriesOf(config.ranges).map(([family]) => family);
  const external = await findExternalInterface(flags, families);
  const backend = createBackend(config, external);
  log.info({ backend: backend.type, interface: external.name, mtu: backend.mtu }, 'joining the network');
  const attributes = await backend.prepare();
  const previous = await readSubnets(flags['subnet-file']);
  const lease = await untilReached('a lease', parts, signal, () => store.acquire(config, attributes, previous, signal));
  log.info({ subnets: describeSubnets(lease.subnets), until: lease.expiresAt && new Date(lease.expiresAt) }, 'this host has its lease');
  const firewall = createFirewall(config, lease, flags);
  try {
    await backend.start(lease);
    await firewall.ensure();
    const subnetFile = { path: flags['subnet-file'], contents: hostSubnet(config, lease, backend, flags) };
    await writeSubnetFile(subnetFile);
    log.info({ file: subnetFile.path }, 'this host is joined');
    await keepJoined(parts, { backend, firewall, lease, subnetFile }, signal);
  } finally {
    await closeAll(log, [firewall, backend]);
  }
}

/** What can't be taken away is told, and hides neither what ended the daemon nor the other's end. */
async function closeAll(log: Logger, parts: readonly { close(): Promise<void> }[]): Promise<void> {
  for (const outcome of await Promise.allSettled(parts.map((part) => part.close()))) {
    if (outcome.status === 'rejected') log.error(PluginError.from(outcome.reason).message);
  }
}

async function keepJoined(
  { flags, store, log }: FlanneldParts,
  joined: Pick<HostNetworkParts, 'backend' | 'firewall' | 'lease' | 'subnetFile'>,
  signal: AbortSignal,
): Promise<void> {
  const network = new HostNetwork({
    ...joined,
    store,
    log,
    renewMarginMs: flags['subnet-lease-renew-margin'] * 60_000,
    firewallEveryMs: flags['iptables-resync'] * 1000,
  });
  await network.run(signal);
}

function hostSubnet(config: NetworkConfig, { subnets }: Lease, { mtu }: Backend, flags: Flags): HostSubnet {
  const networks: PerFamily<Prefix> = perFamily((family) => config.ranges[family]?.network);
  return { networks, subnets, mtu, ipMasq: flags['ip-masq'] };
}

/** Tries until the store answers; what `wanted` waits for is told once, and again when it changes. */
async function untilReached<Result>(
  wanted: string,
  { log }: FlanneldParts,
  signal: AbortSignal,
  attempt: () => Promise<Result>,
): Promise<Result> {
  const troubles = new Troubles((message) => log.warn(`waiting for ${wanted}, which is asked for again and again: ${message}`));
  for (;;) {
    signal.throwIfAborted();
    try {
      return await attempt();
    } catch (thrown) {
      signal.throwIfAborted();
      const error = PluginError.from(thrown);
      if (!isWorthWaiting(error)) throw error;
      troubles.are([error.message]);
    }
    await wait(retryMs, undefined, { signal }).catch(() => signal.throwIfAborted());
  }
}

/** A store that is away may come, and a configuration may be written; what is wrong stays wrong. */
function isWorthWaiting({ code }: PluginError): boolean {
  return ['UNAVAILABLE', 'DEADLINE_EXCEEDED', 'NOT_FOUND'].includes(code);
}
