import { settleAll } from '../settle-all.ts';
import { bits, parseAddress, parsePrefix } from './address.ts';
import type { IpCommand } from './ip-batch.ts';
import { batchInNamespace, runInNamespace } from './ip-batch.ts';
import type { OperationCommand } from './ip-commands.ts';
import { operationCommand } from './ip-commands.ts';
import { codeOfText } from './netlink/errno.ts';
import type { Network, NetworkAddress, NetworkLink, NetworkOperation, NetworkRoute, OperationFailure } from './network.ts';
import { reasonOf } from './run-beside.ts';
import { CniError, errorCodes } from './types.ts';

/** The network of a namespace by iproute2: for Node, which has no way to system calls. */
export class IpNetwork implements Network {
  readonly #netns: string | undefined;

  constructor(netns: string | undefined) {
    this.#netns = netns;
  }

  async apply(operations: NetworkOperation[]): Promise<OperationFailure | undefined> {
    for (const run of runsOf(operations)) {
      const failure = await this.#applyRun(run);
      if (failure) return failure;
    }
    return undefined;
  }

  /** Operations of one program are one process. */
  async #applyRun([first, ...rest]: Run): Promise<OperationFailure | undefined> {
    if (first.program === 'sysctl') {
      const keys = [first, ...rest].flatMap(({ command }) => command);
      // One that can't be set, or no sysctl(8), is no failure.
      await runInNamespace(this.#netns, 'sysctl', ['-e', '-q', '-w', ...keys]).catch(() => undefined);
      return undefined;
    }
    const steps = [first, ...rest];
    const failed = await batchInNamespace(
      this.#netns,
      first.program,
      steps.map(({ command }) => command),
    );
    if (!failed) return undefined;
    const { operation } = steps[failed.index] ?? first;
    return { operation, code: codeOf(failed.reason), reason: failed.reason };
  }

  async link(name: string): Promise<NetworkLink | undefined> {
    return this.#find(({ ifname }) => ifname === name);
  }

  async linkAt(index: number): Promise<NetworkLink | undefined> {
    return this.#find(({ ifindex }) => ifindex === index);
  }

  async #find(isWanted: (link: ShownLink) => boolean): Promise<NetworkLink | undefined> {
    // By its index another one's name is known that a port or a veth names; a listing of all has them all.
    const links = await this.#show<ShownLink>(['-details', 'link', 'show']);
    const shown = links.find(isWanted);
    const master = links.find(({ ifname }) => ifname === shown?.master);
    return shown && describeLink(shown, master?.ifindex, this.#peerIndex(shown, links));
  }

  async addresses(device: string): Promise<NetworkAddress[]> {
    const [shown] = await this.#show<ShownLink>(['address', 'show', 'dev', device]);
    return (shown?.addr_info ?? []).flatMap(({ local, prefixlen, tentative, dadfailed }) => {
      const prefix = parsePrefix(`${local}/${prefixlen}`);
      return prefix ? [{ prefix, tentative: tentative === true, duplicate: dadfailed === true }] : [];
    });
  }

  async routes(device: string): Promise<NetworkRoute[]> {
    const families = ([4, 6] as const).map(async (family) => {
      const routes = await this.#show<ShownRoute>([`-${family}`, 'route', 'show', 'table', 'all', 'type', 'unicast']);
      return routes.flatMap((route) => describeRoute(route, family, device));
    });
    return (await settleAll(families)).flat();
  }

  async portVlans(port: string): Promise<number[]> {
    const { status, stdout } = await runInNamespace(this.#netns, 'bridge', ['-json', 'vlan', 'show', 'dev', port]);
    const shown = status === 0 ? (JSON.parse(stdout || '[]') as { ifname: string; vlans: { vlan: number; vlanEnd?: number }[] }[]) : [];
    const vlans = shown.find(({ ifname }) => ifname === port)?.vlans ?? [];
    return vlans.flatMap(({ vlan, vlanEnd = vlan }) => Array.from({ length: vlanEnd - vlan + 1 }, (_, index) => vlan + index));
  }

  close(): void {}

  #peerIndex(shown: ShownLink, links: ShownLink[]): number | undefined {
    return shown.link_index ?? links.find(({ ifname }) => ifname === shown.link)?.ifindex;
  }

  async #show<Shown>(command: IpCommand): Promise<Shown[]> {
    const end = await runInNamespace(this.#netns, 'ip', ['-json', ...command]);
    if (end.status === 0) return (JSON.parse(end.stdout || '[]') as Shown[]).filter((shown) => Object.keys(shown as object).length > 0);
    if (codeOf(end.stderr) === 'ENODEV') return [];
    throw new CniError(errorCodes.ioFailure, reasonOf(end), { object: `ip ${command.join(' ')}` });
  }
}

type Step = OperationCommand & { operation: NetworkOperation };
type Run = [Step, ...Step[]];

/** Neighbours that one program carries out. */
function runsOf(operations: NetworkOperation[]): Run[] {
  const runs: Run[] = [];
  for (const operation of operations) {
    const step = { operation, ...operationCommand(operation) };
    const last = runs.at(-1);
    if (last?.[0].program === step.program) last.push(step);
    else runs.push([step]);
  }
  return runs;
}

/** The fields of `ip -json -details` that are used. */
interface ShownLink {
  ifindex: number;
  ifname: string;
  address?: string;
  mtu?: number;
  flags?: string[];
  operstate?: string;
  master?: string;
  /** Of a veth: its other end by name in the same namespace, by index in another. */
  link?: string | null;
  link_index?: number;
  linkinfo?: {
    info_kind?: string;
    info_data?: { vlan_filtering?: number };
    info_slave_kind?: string;
    info_slave_data?: { hairpin?: boolean; isolated?: boolean };
  };
  addr_info?: { local: string; prefixlen: number; tentative?: boolean; dadfailed?: boolean }[];
}

interface ShownRoute {
  dst: string;
  gateway?: string;
  dev?: string;
  metric?: number;
  table?: string;
  nexthops?: { gateway?: string; dev?: string }[];
}

function describeLink(shown: ShownLink, masterIndex: number | undefined, peerIndex: number | undefined): NetworkLink {
  const { ifname, ifindex, address, mtu, flags = [], operstate, linkinfo = {} } = shown;
  const kind = linkinfo.info_kind ?? '';
  const port = linkinfo.info_slave_kind === 'bridge' ? linkinfo.info_slave_data : undefined;
  return {
    name: ifname,
    index: ifindex,
    mac: address ?? '',
    mtu: mtu ?? 0,
    kind,
    up: flags.includes('UP'),
    operational: operstate === 'UP',
    promiscuous: flags.includes('PROMISC'),
    ...(masterIndex === undefined ? {} : { masterIndex }),
    ...(kind === 'veth' && peerIndex !== undefined ? { peerIndex } : {}),
    ...(kind === 'bridge' ? { vlanFiltering: linkinfo.info_data?.vlan_filtering === 1 } : {}),
    ...(port ? { hairpin: port.hairpin === true, isolated: port.isolated === true } : {}),
  };
}

const tables: Record<string, number> = { default: 253, main: 254, local: 255 };

function describeRoute(
  { dst, gateway, dev, metric, table = 'main', nexthops = [] }: ShownRoute,
  family: 4 | 6,
  device: string,
): NetworkRoute[] {
  if (dev !== device && !nexthops.some((hop) => hop.dev === device)) return [];
  const destination = parsePrefix(wholeDestination(dst, family));
  if (!destination) return [];
  const gateways = [gateway, ...nexthops.map((hop) => hop.gateway)].flatMap((each) => parseAddress(each) ?? []);
  return [{ destination, gateways, priority: metric ?? 0, table: tables[table] ?? Number(table) }];
}

/** iproute2 calls a route to everywhere `default`, and leaves the length of a single address away. */
function wholeDestination(dst: string, family: 4 | 6): string {
  if (dst === 'default') return family === 4 ? '0.0.0.0/0' : '::/0';
  return dst.includes('/') ? dst : `${dst}/${bits({ family })}`;
}

/** iproute2 looks an interface up before it asks the kernel, and says in its own words that there is none. */
function codeOf(message: string): string {
  if (/Cannot find device|does not exist/.test(message)) return 'ENODEV';
  return /Invalid "netns" value/.test(message) ? 'EINVAL' : codeOfText(message);
}
