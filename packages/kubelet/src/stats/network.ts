import { readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { type InterfaceCounters, parseInterfaceCounters } from '@berth/sdk/interface-counters';
import { apiTime } from '../pod.ts';
import type { NetworkStats } from './summary.ts';

/** Interfaces that belong to pods or to other engines, of which cAdvisor tells nothing on the node. */
const notTheNodes = /^(veth|docker|nerdctl)/;

/** What went through a network interface since it was made, as far as it is told. */
export interface InterfaceTraffic {
  name: string;
  received: Partial<Traffic>;
  sent: Partial<Traffic>;
}

type Traffic = Record<'bytes' | 'packets' | 'errors' | 'dropped', number>;

/** The traffic of a process's network namespace (`self`, or a pid in it); undefined for one that is gone. */
export async function networkOf(process: string | number, proc: string, now: Date): Promise<NetworkStats | undefined> {
  const traffic = await interfaceTraffic(process, proc);
  if (traffic === undefined) return undefined;
  const interfaces = traffic.map(({ name, received, sent }) => ({
    name,
    rxBytes: received.bytes,
    rxErrors: received.errors,
    txBytes: sent.bytes,
    txErrors: sent.errors,
  }));
  const routed = await defaultInterface(process, proc);
  const main = interfaces.find(({ name }) => name === (routed ?? 'eth0'));
  return { time: apiTime(now), ...main, interfaces };
}

/** The same by interface, with packets. */
export async function interfaceTraffic(process: string | number, proc: string): Promise<InterfaceTraffic[] | undefined> {
  const counters = await readFile(join(proc, String(process), 'net/dev'), 'utf8').catch(() => undefined);
  if (counters === undefined) return undefined;
  return parseInterfaceCounters(counters)
    .filter(({ name }) => process !== 'self' || !notTheNodes.test(name))
    .map(({ name, received, sent }) => ({ name, received: inNumbers(received), sent: inNumbers(sent) }));
}

/** Whether a process has another network namespace than this one; undefined where that can't be told. */
export async function hasOwnNetwork(process: number, proc: string): Promise<boolean | undefined> {
  const [its, ours] = await Promise.all(
    [process, 'self'].map((each) => readlink(join(proc, String(each), 'ns/net')).catch(() => undefined)),
  );
  return its === undefined || ours === undefined ? undefined : its !== ours;
}

function inNumbers({ bytes, packets, errors, dropped }: InterfaceCounters['sent']): Traffic {
  return { bytes: Number(bytes), packets: Number(packets), errors: Number(errors), dropped: Number(dropped) };
}

/** The interface of the first default route. */
async function defaultInterface(process: string | number, proc: string): Promise<string | undefined> {
  const routes = await readFile(join(proc, String(process), 'net/route'), 'utf8').catch(() => '');
  for (const line of routes.split('\n').slice(1)) {
    const [name, destination, , , , , , mask] = line.split('\t');
    if (destination === '00000000' && mask === '00000000') return name;
  }
  return undefined;
}
