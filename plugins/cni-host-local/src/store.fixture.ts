import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { run } from '@berth/sdk/cni/plugin';
import { afterEach, beforeEach } from 'vitest';
import { plugin } from './host-local.ts';

export interface Call {
  verb?: string;
  id?: string;
  args?: string;
  /** Keys of the configuration beside `ipam`. */
  rest?: object;
}

export const small = { ranges: [[{ subnet: '10.1.0.0/29' }]] };
export const wide = { ranges: [[{ subnet: '10.1.0.0/24' }]] };

/** As many as make an index worth its while. */
export const others = 16;

/** Gives each test of the file a directory for the plugin's stores, and what calls the plugin, in this process, on the network `net`. */
export function useStore() {
  let dataDir: string;
  beforeEach(async ({ skip }) => {
    dataDir = await mkdtemp(join(tmpdir(), 'berth-host-local-'));
    if (!isOnPath('flock')) skip('flock of util-linux is not on PATH');
  });
  afterEach(() => rm(dataDir, { recursive: true, force: true }));

  const path = (...parts: string[]): string => join(dataDir, ...parts);

  /** What the plugin reads from standard input. */
  function configuration(ipam: object, rest: object = {}): string {
    return JSON.stringify({ cniVersion: '1.0.0', name: 'net', type: 'bridge', ipam: { type: 'host-local', dataDir, ...ipam }, ...rest });
  }

  /** What the plugin prints, as an object: a result, an error, or nothing. */
  async function call(ipam: object, { verb = 'ADD', id = 'c1', args = '', rest = {} }: Call = {}) {
    const out: string[] = [];
    await run(plugin, {
      env: { CNI_COMMAND: verb, CNI_CONTAINERID: id, CNI_NETNS: '/run/netns/x', CNI_IFNAME: 'eth0', CNI_PATH: '/x', CNI_ARGS: args },
      readStdin: () => configuration(ipam, rest),
      writeStdout: (text) => out.push(text),
    });
    return JSON.parse(out.join('') || '{}');
  }

  /** The addresses of an ADD, or what its error says. */
  async function addresses(ipam: object, options: Call = {}) {
    const { ips, msg } = await call(ipam, options);
    return msg ?? ips.map(({ address }: { address: string }) => address);
  }

  /** The files of the network's store, but for the index. */
  const stored = (): string[] =>
    readdirSync(path('net'))
      .filter((name) => name !== '.index')
      .sort();

  async function reserveForOthers(): Promise<void> {
    await mkdir(path('net'), { recursive: true });
    for (let index = 0; index < others; index++) writeFileSync(path(`net/10.1.0.${100 + index}`), `other-${index}\r\neth0`);
  }

  return { path, configuration, call, addresses, stored, reserveForOthers };
}

function isOnPath(program: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((directory) => existsSync(join(directory, program)));
}
