import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { run } from '@berth/sdk/cni/plugin';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { plugin } from './loopback.ts';

const name = `berthtest-lo-${process.pid}`;
const netns = `/run/netns/${name}`;

const missing = ['ip', 'nsenter'].filter(
  (program) => !(process.env.PATH ?? '').split(delimiter).some((directory) => existsSync(join(directory, program))),
);
const unable =
  process.getuid?.() !== 0 ? 'network namespaces need root' : missing.length > 0 ? `${missing.join(', ')} not on PATH` : undefined;

async function call(verb: string, namespace = netns, config: object = {}) {
  const out: string[] = [];
  await run(plugin, {
    env: { CNI_COMMAND: verb, CNI_CONTAINERID: 'c1', CNI_NETNS: namespace, CNI_IFNAME: 'eth0', CNI_PATH: '/x' },
    readStdin: () => JSON.stringify({ cniVersion: '1.0.0', name: 'net', type: 'loopback', ...config }),
    writeStdout: (text) => out.push(text),
  });
  return JSON.parse(out.join('') || '{}');
}

const flags = (): string[] =>
  JSON.parse(execFileSync('ip', ['-n', name, '-json', 'link', 'show', 'dev', 'lo'], { encoding: 'utf8' }))[0].flags;

describe('loopback', () => {
  beforeEach(({ skip }) => {
    if (unable) skip(unable);
    execFileSync('ip', ['netns', 'add', name]);
  });
  afterEach(() => {
    if (existsSync(netns)) execFileSync('ip', ['netns', 'delete', name]);
  });

  it('ADD brings lo up and shows its addresses', async () => {
    expect(await call('ADD')).toEqual({
      cniVersion: '1.0.0',
      interfaces: [{ name: 'lo', mac: '00:00:00:00:00:00', sandbox: netns }],
      ips: [
        { interface: 0, address: '127.0.0.1/8' },
        { interface: 0, address: '::1/128' },
      ],
      dns: {},
    });
    expect(flags()).toContain('UP');
  });

  it('ADD passes on the result of the plugin before it', async () => {
    const prevResult = { cniVersion: '1.0.0', interfaces: [{ name: 'eth0' }], ips: [{ address: '10.1.0.2/16', interface: 0 }], dns: {} };
    expect(await call('ADD', netns, { prevResult })).toEqual(prevResult);
  });

  it('ADD refuses an address that is none of a loopback interface', async () => {
    execFileSync('ip', ['-n', name, 'address', 'add', '10.1.0.1/32', 'dev', 'lo']);
    expect(await call('ADD')).toMatchObject({
      code: 999,
      msg: expect.stringContaining('has the address 10.1.0.1/32, which is no loopback address'),
    });
  });

  it('GC and STATUS have nothing to do', async () => {
    expect(await call('GC', netns, { cniVersion: '1.1.0', 'cni.dev/valid-attachments': [] })).toEqual({});
    expect(await call('STATUS', netns, { cniVersion: '1.1.0' })).toEqual({});
  });

  it('DEL takes lo down, and succeeds again', async () => {
    await call('ADD');
    expect(await call('DEL')).toEqual({});
    expect(flags()).not.toContain('UP');
    expect(await call('DEL')).toEqual({});
  });

  it('CHECK succeeds only while lo is up', async () => {
    expect(await call('CHECK')).toMatchObject({ code: 999, msg: expect.stringContaining('is down') });
    await call('ADD');
    expect(await call('CHECK')).toEqual({});
  });
});

describe('without a network namespace', () => {
  it('ADD fails and names it', async () => {
    expect(await call('ADD', '/run/netns/berthtest-none')).toMatchObject({
      code: 4,
      msg: 'CNI_NETNS: no network namespace at /run/netns/berthtest-none; make one with `ip netns add`',
    });
  });

  it.each(['/run/netns/berthtest-none', '', '/etc/hostname'])('DEL succeeds: %j', async (namespace) => {
    expect(await call('DEL', namespace)).toEqual({});
  });
});
