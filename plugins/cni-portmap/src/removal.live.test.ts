import { describe, expect, it } from 'vitest';
import { backends, call, mapping, marks, nft, useHost } from './mapped-host.fixture.ts';

useHost();

describe('DEL', () => {
  it('removes what ADD made by either back end and nothing of others, without a result or ports too, and succeeds again', async () => {
    for (const id of ['c1', 'c2']) for (const backend of backends) await call('ADD', { id, backend });
    const before = marks().length;
    for (let times = 0; times < 2; times++) {
      expect(await call('DEL', { portMappings: [], keys: { prevResult: undefined } })).toEqual({});
      expect([new Set(marks()), marks().length]).toEqual([new Set(['c2']), before / 2]);
    }
    await call('DEL', { id: 'c2' });
    expect(nft('list', 'ruleset')).not.toMatch(/counter name|comment "c|CNI-DN/);
  });

  it('leaves the ports of the same container on another network', async () => {
    await call('ADD');
    await call('ADD', { network: 'second', portMappings: [{ ...mapping, hostPort: 8081 }], addresses: ['10.1.0.3/24'] });
    await call('DEL');
    expect(nft('list', 'chain', 'ip', 'cni_hostport', 'hostports').match(/dport \d+/g)).toEqual(['dport 8081']);
  });

  it('succeeds where nothing was ever added', async () => {
    expect(await call('DEL')).toEqual({});
    expect(nft('list', 'ruleset')).toBe('');
  });

  it("removes the reference plugin's rules, of its older layout too", async () => {
    const table = 'ip cni_hostport';
    const rule = 'tcp dport 8080 dnat to 10.1.0.2:80 comment "c1"';
    for (const chain of ['hostports', 'hostip_hostports']) {
      nft(`add table ${table}; add chain ${table} ${chain}; add rule ${table} ${chain} ${rule}`);
    }
    nft(`add chain ${table} masquerading { type nat hook postrouting priority 100 ; }`);
    nft(`add rule ${table} masquerading ip saddr 10.1.0.2 ip daddr 10.1.0.2 masquerade comment "c1"`);
    expect(await call('DEL')).toEqual({});
    expect(marks()).toEqual([]);
  });
});

describe('GC', () => {
  it('removes the containers of its network that are not valid, and no others', async () => {
    const add = (id: string, network: string) => backends.map((backend) => call('ADD', { id, network, backend }));
    await Promise.all([...['c1', 'c2', 'c3'].flatMap((id) => add(id, 'net')), ...add('c4', 'second')]);
    const valid = { 'cni.dev/valid-attachments': [{ containerID: 'c2', ifname: 'eth0' }] };
    expect(await call('GC', { keys: valid })).toEqual({});
    expect(new Set(marks())).toEqual(new Set(['c2', 'c4']));
    for (const backend of backends) expect(await call('CHECK', { id: 'c2', backend })).toEqual({});
  });

  it('without a list of valid attachments removes nothing', async () => {
    await call('ADD');
    expect(await call('GC')).toMatchObject({ code: 7, msg: expect.stringContaining('cni.dev/valid-attachments') });
    expect(marks()).not.toEqual([]);
  });
});
