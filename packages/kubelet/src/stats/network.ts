import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseInterfaceCounters } from '@berth/sdk/interface-counters';
import { apiTime } from '../pod.ts';
import type { NetworkStats } from './summary.ts';

/** Interfaces that belong to pods or to other engines, of which cAdvisor tells nothing on the node. */
const notTheNodes = /^(veth|docker|nerdctl)/;

/** The traffic of a process's network namespace (`self`, or a pid in it); undefined for one that is gone. */
export async function networkOf(process: string | number, proc: string, now: Date): Promise<NetworkStats | undefined> {
  const counters = await readFile(join(proc, String(process), 'net/dev'), 'utf8').catch(() => undefined);
  if (counters === undefined) return undefined;
  const interfaces = parseInterfaceCounters(counters)
    .filter(({ name }) => process !== 'self' || !notTheNodes.test(name))
    .map(({ name, received, sent }) => ({
      name,
      rxBytes: Number(received.bytes),
      rxErrors: Number(received.errors),
      txBytes: Number(sent.bytes),
      txErrors: Number(sent.errors),
    }));
  const routed = await defaultInterface(process, proc);
  const main = interfaces.find(({ name }) => name === (routed ?? 'eth0'));
  return { time: apiTime(now), ...main, interfaces };
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
