import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expectAllIn, expectEqual, expectTrue, present } from '../expect.ts';
import type { Attachment } from './attachment.ts';
import { nameOf, type TestHost } from './host.ts';

const takenDownMs = 5_000;
const pollMs = 50;

/** An interface as iproute2 shows it. */
export interface Link {
  ifname: string;
  flags: string[];
  mtu: number;
  address?: string;
  addr_info: { family: string; local: string; prefixlen: number; scope: string }[];
}

/** The interfaces of the network namespace at that path, or of the host's own. */
export async function linksOf(host: TestHost, netns?: string): Promise<Link[]> {
  const [links = []] = (await host.ipShow(['address show'], netns)) as [Link[]];
  return links;
}

export async function linkNames(host: TestHost, netns?: string): Promise<string[]> {
  return (await linksOf(host, netns)).map(({ ifname }) => ifname);
}

/** The interface of an attachment, where its container has it. */
export async function linkOf({ host, netns, ifName }: Attachment): Promise<Link | undefined> {
  return (await linksOf(host, netns)).find(({ ifname }) => ifname === ifName);
}

/** Throws where the container has an interface by the attachment's name: `call` is what is to have left none. */
export async function expectNoLink(attachment: Attachment, call: string): Promise<void> {
  expectEqual((await linkOf(attachment))?.ifname, undefined, `interface of the ${call}`);
}

/** Throws unless the container has the attachment's interface, and that is up. */
export async function expectLinkUp(attachment: Attachment): Promise<void> {
  const name = `interface ${attachment.ifName}`;
  expectTrue(present(await linkOf(attachment), name).flags.includes('UP'), `${name} is down`);
}

/** Throws unless the addresses, with their prefix lengths, are on the attachment's interface. */
export async function expectOnLink(attachment: Attachment, addresses: string[]): Promise<void> {
  const name = `interface ${attachment.ifName}`;
  const { addr_info } = present(await linkOf(attachment), name);
  const there = addr_info.map(({ local, prefixlen }) => `${local}/${prefixlen}`);
  expectAllIn(addresses, there, `addresses that are not on ${name}`);
}

/** A route as iproute2 shows it: `dst` is `default`, an address, or a network. */
interface ShownRoute {
  dst: string;
  gateway?: string;
  dev?: string;
  /** Left out for the main table. */
  table?: string;
  /** Only those of IPv6 have one. */
  pref?: string;
}

const allRoutes = 'route show table all type unicast';

/** The routes of a network namespace's main table: destinations as CIDR, with their gateways and interfaces. */
export async function routesOfNamespace(host: TestHost, netns: string): Promise<ShownRoute[]> {
  const [routes = []] = (await host.ipShow([allRoutes], netns)) as [ShownRoute[]];
  return routes.filter(({ table }) => table === undefined).map((route) => ({ ...route, dst: wholeDestination(route) }));
}

/** What a container has of its network, as lines that can be compared: interfaces, addresses and routes. */
async function containerState(host: TestHost, netns: string): Promise<string[]> {
  const [links, routes] = (await host.ipShow(['address show', allRoutes], netns)) as [Link[], ShownRoute[]];
  return [
    ...links.flatMap(({ ifname, address, mtu, addr_info }) => [`link ${ifname} ${address} ${mtu}`, ...addressLines(ifname, addr_info)]),
    ...routeLines(routes),
  ];
}

/** Changes a container's network from outside, as no runtime would: `ip -netns CONTAINER ...`. */
export async function changeNetwork(host: TestHost, netns: string, ...parameters: string[]): Promise<void> {
  await host.tool('ip', '-netns', nameOf(netns), ...parameters);
}

/** iproute2 leaves away the prefix length of a single address, and calls what is for all `default`. */
function wholeDestination({ dst, pref }: ShownRoute): string {
  if (dst === 'default') return pref === undefined ? '0.0.0.0/0' : '::/0';
  if (dst.includes('/')) return dst;
  return pref === undefined ? `${dst}/32` : `${dst}/128`;
}

/** What a plugin can change of a host, as sorted lines that can be compared. */
export async function hostState(host: TestHost): Promise<string[]> {
  const [[links, routes, rules], filter] = await Promise.all([
    host.ipShow(['address show', allRoutes, 'rule show']) as Promise<[Link[], ShownRoute[], unknown[]]>,
    packetFilter(host),
  ]);
  return [
    ...links.flatMap(({ ifname, addr_info }) => [`link ${ifname}`, ...addressLines(ifname, addr_info)]),
    ...routeLines(routes),
    ...rules.map((rule) => `rule ${JSON.stringify(rule)}`),
    ...filter,
    ...reservations(host),
  ].sort();
}

/** The kernel makes link-local addresses by itself, some time after. */
function addressLines(ifname: string, addresses: Link['addr_info']): string[] {
  return addresses.filter(({ scope }) => scope !== 'link').map(({ local, prefixlen }) => `address ${local}/${prefixlen} on ${ifname}`);
}

/** With link-local addresses the kernel makes routes to them. */
function routeLines(routes: ShownRoute[]): string[] {
  return routes.filter(({ dst }) => !dst.startsWith('fe80:')).map(({ dst, dev, gateway }) => `route ${dst} dev ${dev} via ${gateway}`);
}

/** The rule sets of nftables, in which those of iptables show too, without what changes by itself. */
export async function packetFilter(host: TestHost): Promise<string[]> {
  const shown = await host.tool('nft', '--stateless', 'list', 'ruleset');
  let [table, chain] = ['', ''];
  return shown.split('\n').flatMap((line) => {
    const text = line.trim();
    if (/^table /.test(text)) [table, chain] = [text, ''];
    if (/^(chain|map|set) /.test(text)) chain = text;
    // A table with nothing in it does nothing: iptables leaves such ones.
    return text === '' || text === '}' || text === table || text.startsWith('#') ? [] : [`${table} ${chain} ${text}`];
  });
}

/** Files in which plugins keep what they gave away, but those that they keep besides. */
function reservations(host: TestHost): string[] {
  const root = host.path('/var/lib/cni');
  if (!existsSync(root)) return [];
  const files = readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return files
    .filter(({ name }) => !/^(lock|last_reserved_ip\..*|\..*)$/.test(name))
    .map(({ name, parentPath }) => `file ${join(parentPath.slice(root.length), name)}`);
}

/** Throws, naming what is there now and was not before, and the other way round. */
export function expectState(after: string[], before: string[], what: string): void {
  const changes = [...marked('+', after, before), ...marked('-', before, after)];
  if (changes.length > 0) throw new Error(`${what}: ${changes.join('; ')}`);
}

/** Runs `work`, and throws where the host is then another than before: `what` is what to say of it. */
export async function expectHostUnchanged(host: TestHost, what: string, work: () => Promise<unknown>): Promise<void> {
  const before = await hostState(host);
  await work();
  expectState(await hostState(host), before, what);
}

/** The same for the attachment's container. */
export async function expectContainerUnchanged({ host, netns }: Attachment, what: string, work: () => Promise<unknown>): Promise<void> {
  const before = await containerState(host, netns);
  await work();
  expectState(await containerState(host, netns), before, what);
}

/** Throws unless ADD, and DEL after it, leave the host as it was. */
export async function expectUndone(attachment: Attachment): Promise<void> {
  await expectHostUnchanged(attachment.host, 'DEL has not made the host as it was before ADD', async () => {
    await attachment.add();
    await attachment.del();
  });
}

/**
 * Throws, naming what is there on the host now and was not before. With the network namespace of a container goes what the suite has put into
 * it; the kernel takes down what is left of one in its own time, and is waited for.
 */
export async function expectNothingMore(host: TestHost, before: string[], what: string): Promise<void> {
  const giveUpAt = performance.now() + takenDownMs * host.timeFactor;
  for (;;) {
    const more = marked('+', await hostState(host), before);
    if (more.length === 0) return;
    const goesWithNamespace = more.every((line) => /^[+] (link|address|route) /.test(line));
    if (!goesWithNamespace || performance.now() > giveUpAt) throw new Error(`${what}: ${more.join('; ')}`);
    await sleep(pollMs);
  }
}

function marked(sign: string, lines: string[], without: string[]): string[] {
  return lines.filter((line) => !without.includes(line)).map((line) => `${sign} ${line}`);
}
