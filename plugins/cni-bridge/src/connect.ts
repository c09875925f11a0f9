import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { IpFailure, Link } from '@berth/sdk/cni/ip-batch';
import { ipBatch, tryIpBatch } from '@berth/sdk/cni/ip-batch';
import type { PluginRequest } from '@berth/sdk/cni/plugin';
import { setSysctl } from '@berth/sdk/cni/sysctl';
import type { Interface } from '@berth/sdk/cni/types';
import { CniError, errorCodes } from '@berth/sdk/cni/types';
import type { Configuration } from './configuration.ts';
import type { NetworkPlan } from './plan.ts';
import { attach, configure, createBridge, detach, ensureGateways } from './plan.ts';
import type { UndoStack } from './undo-stack.ts';

/** Carries out a plan and returns the interfaces of the result: the bridge, its port, and the container's own. */
export async function connect(
  request: PluginRequest,
  configuration: Configuration,
  plan: NetworkPlan,
  undo: UndoStack,
): Promise<Interface[]> {
  const { netns, ifName } = request;
  const { bridge } = configuration;
  const hostVeth = `veth${randomHex(4)}`;
  const [bridgeLink, portLink] = attachPort(configuration, hostVeth, ifName, netns);
  undo.push(() => void tryIpBatch(detach(hostVeth)));

  const addressing = ensureGateways(configuration, plan.gateways, bridgeLink);
  if (addressing.length > 0) ipBatch(`bridge ${bridge}`, addressing);
  if (plan.gateways.length > 0) enableForwarding(plan);
  const [containerLink] = ipBatch(`interface ${ifName} in ${netns}`, configure(ifName, plan), netns).at(-1) ?? [];
  await awaitCarrier(hostVeth);
  return [describe(bridge, bridgeLink), describe(hostVeth, portLink), { ...describe(ifName, containerLink), sandbox: netns }];
}

/** The bridge is there but for the first container, so it is made only when the attempt to use it fails. */
function attachPort(configuration: Configuration, hostVeth: string, ifName: string, netns: string): (Link | undefined)[] {
  const commands = attach(configuration, hostVeth, ifName, netns);
  let outcome = tryIpBatch(commands);
  if (!Array.isArray(outcome) && /does not exist/.test(outcome.reason)) {
    makeBridge(configuration);
    outcome = tryIpBatch(commands);
  }
  if (!Array.isArray(outcome)) {
    // A later command of the batch may have failed with the pair already made.
    tryIpBatch(detach(hostVeth));
    throw attachFailure(outcome, configuration.bridge, ifName, netns);
  }
  const [bridgeLink, portLink] = [outcome[0]?.[0], outcome.at(-1)?.[0]];
  return [bridgeLink, portLink];
}

function attachFailure({ command, reason }: IpFailure, bridge: string, ifName: string, netns: string): CniError {
  const object = `interface ${ifName} in ${netns}`;
  if (/File exists/.test(reason)) return new CniError(errorCodes.internal, 'exists already', { object, hint: 'run DEL first' });
  if (/not a bridge|Operation not supported/i.test(reason)) {
    return new CniError(errorCodes.invalidConfig, `can't have ports (${reason})`, {
      object: `interface ${bridge}`,
      hint: 'name another bridge',
    });
  }
  if (/Invalid "netns" value|Invalid argument/.test(reason)) {
    return new CniError(errorCodes.invalidEnvironment, `${netns} is no network namespace`, { object: 'CNI_NETNS' });
  }
  return new CniError(errorCodes.ioFailure, `\`${command}\` failed: ${reason}`, { object });
}

function makeBridge(configuration: Configuration): void {
  const { bridge } = configuration;
  // Locally administered and not multicast, as the kernel's own random ones.
  const mac = `02:${randomHex(5).match(/../g)?.join(':')}`;
  const outcome = tryIpBatch(createBridge(configuration, mac));
  // Of two first containers at once, one finds the bridge there already.
  if (!Array.isArray(outcome) && !/File exists/.test(outcome.reason)) {
    throw new CniError(errorCodes.ioFailure, `\`${outcome.command}\` failed: ${outcome.reason}`, { object: `bridge ${bridge}` });
  }
  refuseRouterAdvertisements(bridge);
}

/** The host takes no routes from what a container announces. Where that can't be set, a bridge that forwards takes none either. */
function refuseRouterAdvertisements(bridge: string): void {
  try {
    writeFileSync(`/proc/sys/net/ipv6/conf/${bridge}/accept_ra`, '0');
  } catch {}
}

const forwarding = { 4: '/proc/sys/net/ipv4/ip_forward', 6: '/proc/sys/net/ipv6/conf/all/forwarding' } as const;

function enableForwarding({ gateways }: NetworkPlan): void {
  for (const family of new Set(gateways.map(({ address }) => address.family))) setSysctl(forwarding[family], '1');
}

const carrierLimitMs = 1000;

/** The port forwards once the kernel has seen its carrier, a moment after the other end came up; a packet before that is lost. */
async function awaitCarrier(hostVeth: string): Promise<void> {
  const file = `/sys/class/net/${hostVeth}/operstate`;
  const deadline = performance.now() + carrierLimitMs;
  // A /sys of another network namespace doesn't show the interface: then there is nothing to wait for.
  while (existsSync(file) && readFileSync(file, 'utf8').trim() !== 'up') {
    if (performance.now() > deadline) {
      throw new CniError(errorCodes.internal, `didn't come up within ${carrierLimitMs} ms`, { object: `bridge port ${hostVeth}` });
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

function describe(name: string, link: Link | undefined): Interface {
  return { name, ...(link?.address ? { mac: link.address } : {}), ...(link?.mtu ? { mtu: link.mtu } : {}) };
}

function randomHex(bytes: number): string {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(bytes))).toString('hex');
}
