import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { beforeEach, describe, expect, it } from 'vitest';
import { type Call, small, useStore } from './store.fixture.ts';

const { call, configuration, stored } = useStore();

const reference = [
  ...(process.env.CNI_REFERENCE_PATH ?? '').split(delimiter),
  '/usr/lib/cni',
  '/opt/cni/bin',
  join(import.meta.dirname, '../../../.cache/debian/usr/lib/cni'),
]
  .filter((directory) => directory !== '')
  .map((directory) => join(directory, 'host-local'))
  .find(existsSync);

describe('together with the reference plugin on one store', () => {
  beforeEach(({ skip }) => {
    if (!reference) skip('no reference host-local in CNI_REFERENCE_PATH, /usr/lib/cni, /opt/cni/bin or .cache/debian');
  });

  const processes = {
    reference: { file: reference ?? '', parameters: [] as string[] },
    ours: { file: process.execPath, parameters: ['--conditions=berth-source', join(import.meta.dirname, 'main.ts')] },
  };

  async function start(which: keyof typeof processes, ipam: object, { verb = 'ADD', id = 'c1' }: Call = {}) {
    const { file, parameters } = processes[which];
    const env = { ...process.env, CNI_COMMAND: verb, CNI_CONTAINERID: id, CNI_NETNS: '/run/netns/x', CNI_IFNAME: 'eth0', CNI_PATH: '/x' };
    const running = promisify(execFile)(file, parameters, { env });
    running.child.stdin?.end(configuration(ipam));
    const { stdout } = await running;
    return JSON.parse(stdout || '{}');
  }

  it.each([
    ['ours', 'reference'],
    ['reference', 'ours'],
  ] as const)('what %s adds, %s deletes', async (adder, deleter) => {
    await start(adder, small);
    expect(stored()).toContain('10.1.0.2');
    await start(deleter, small, { verb: 'DEL' });
    expect(stored()).toEqual(['last_reserved_ip.0', 'lock']);
  });

  it('both give the same result and go on from the same address', async () => {
    const ipam = { ...small, routes: [{ dst: '0.0.0.0/0' }] };
    const theirs = await start('reference', ipam, { id: 'c1' });
    const ours = await start('ours', ipam, { id: 'c2' });
    expect(theirs.ips).toEqual([{ address: '10.1.0.2/29', gateway: '10.1.0.1' }]);
    expect({ dns: {}, ...ours }).toEqual({ ...theirs, ips: [{ address: '10.1.0.3/29', gateway: '10.1.0.1' }] });
  });

  it('16 ADDs at once, half of each, give 16 addresses, and DELs by the other leave none', async () => {
    const ipam = { ranges: [[{ subnet: '10.1.0.0/26' }]] };
    const ids = Array.from({ length: 16 }, (_, index) => `c${index}`);
    const results = await Promise.all(ids.map((id, index) => start(index % 2 ? 'ours' : 'reference', ipam, { id })));
    expect(new Set(results.map(({ ips }) => ips[0].address)).size).toBe(16);
    await Promise.all(ids.map((id, index) => start(index % 2 ? 'reference' : 'ours', ipam, { verb: 'DEL', id })));
    expect(stored()).toEqual(['last_reserved_ip.0', 'lock']);
  });

  it('ours sees what the reference has changed since', async () => {
    await start('ours', small, { id: 'c1' });
    await start('reference', small, { id: 'c2' });
    expect((await call(small, { id: 'c2' })).msg).toContain('holds 10.1.0.3 already');
    await start('reference', small, { verb: 'DEL', id: 'c1' });
    expect((await call(small, { verb: 'CHECK', id: 'c1' })).msg).toContain('has no address reserved');
    expect(await call(small, { verb: 'CHECK', id: 'c2' })).toEqual({});
  });
});
