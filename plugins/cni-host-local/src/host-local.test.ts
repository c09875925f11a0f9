import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { small, useStore } from './store.fixture.ts';

const { addresses, call, path, stored } = useStore();

describe('ADD', () => {
  it('gives the address, its gateway and the routes', async () => {
    const routes = [{ dst: '0.0.0.0/0' }, { dst: '192.168.0.0/16', gw: '10.1.0.6' }];
    expect(await call({ ...small, routes })).toMatchObject({
      cniVersion: '1.0.0',
      ips: [{ address: '10.1.0.2/29', gateway: '10.1.0.1' }],
      routes,
      dns: {},
    });
  });

  it('takes a single range at the top level', async () => {
    expect(await addresses({ subnet: '10.1.0.0/24', rangeStart: '10.1.0.20', gateway: '10.1.0.254' })).toEqual(['10.1.0.20/24']);
  });

  it('gives a freed address again only after all others', async () => {
    await call(small);
    await call(small, { verb: 'DEL' });
    expect(await addresses(small)).toEqual(['10.1.0.3/29']);
  });

  it('names the range that has no address left, and keeps nothing of the other sets', async () => {
    const both = { ranges: [[{ subnet: 'fd00::/64' }], [{ subnet: '10.1.0.0/30' }]] };
    await call(both);
    expect(await call(both, { id: 'c2' })).toMatchObject({
      code: 999,
      msg: expect.stringContaining('range set 1 (10.1.0.1-10.1.0.2): has no free address left; remove containers or widen the range'),
    });
    expect(stored()).not.toContain('fd00::3');
  });

  it('refuses a second ADD of one attachment', async () => {
    await call(small);
    expect((await call(small)).msg).toBe('container c1, interface eth0: holds 10.1.0.2 already; run DEL before another ADD');
  });

  it.each([
    ['CNI_ARGS', { args: 'IgnoreUnknown=1;IP=10.1.0.5' }],
    ['args', { rest: { args: { cni: { ips: ['10.1.0.5'] } } } }],
    ['the capability ips', { rest: { runtimeConfig: { ips: ['10.1.0.5/29'] } } }],
  ])('gives the address that %s asks for', async (_, options) => {
    expect(await addresses(small, options)).toEqual(['10.1.0.5/29']);
  });

  it('refuses a requested address that is taken, the gateway, outside, or one too many', async () => {
    await call(small);
    expect(await addresses(small, { id: 'c2', args: 'IP=10.1.0.2' })).toContain('10.1.0.2: is taken');
    expect(await addresses(small, { id: 'c2', args: 'IP=10.1.0.1' })).toContain("is the subnet's gateway");
    expect(await addresses(small, { id: 'c2', args: 'IP=10.9.0.1' })).toContain('is in no range');
    expect(await addresses(small, { id: 'c2', rest: { runtimeConfig: { ips: ['10.1.0.4', '10.1.0.5'] } } })).toContain('one too many');
    expect(stored()).toEqual(['10.1.0.2', 'last_reserved_ip.0', 'lock']);
  });

  it('puts the ranges of the runtime first', async () => {
    const rest = { runtimeConfig: { ipRanges: [[{ subnet: '10.7.0.0/24' }]] } };
    expect(await addresses(small, { rest })).toEqual(['10.7.0.2/24', '10.1.0.2/29']);
  });

  it('passes on every field of a route', async () => {
    const routes = [{ dst: '0.0.0.0/0', gw: '10.1.0.6', mtu: 1400, advmss: 1360, priority: 5, table: 100, scope: 253 }];
    expect((await call({ ...small, routes }, { rest: { cniVersion: '1.1.0' } })).routes).toEqual(routes);
  });

  it('gives one address of each family to a result that has room for no more', async () => {
    const rest = { cniVersion: '0.2.0' };
    const two = { ranges: [[{ subnet: '10.1.0.0/24' }], [{ subnet: '10.2.0.0/24' }]] };
    expect(await call(two, { rest })).toMatchObject({ code: 7, msg: expect.stringContaining('several range sets of IPv4') });
    const both = { ranges: [[{ subnet: '10.1.0.0/24' }], [{ subnet: 'fd00::/64' }]] };
    expect(await call(both, { rest })).toMatchObject({ ip4: { ip: '10.1.0.2/24' }, ip6: { ip: 'fd00::2/64' } });
  });

  it('uses up the ranges of a set one after the other', async () => {
    const ranges = [[{ subnet: '10.1.0.0/30' }, { subnet: '10.2.0.0/30', gateway: '10.9.0.1' }]];
    expect(await addresses({ ranges }, { id: 'c1' })).toEqual(['10.1.0.2/30']);
    expect(await addresses({ ranges }, { id: 'c2' })).toEqual(['10.2.0.1/30']);
    expect(await addresses({ ranges }, { id: 'c3' })).toEqual(['10.2.0.2/30']);
    expect(await addresses({ ranges }, { id: 'c4' })).toContain('has no free address left');
  });

  it('gives calls of one process that go on at once an address each', async () => {
    const ids = Array.from({ length: 5 }, (_, index) => `c${index}`);
    const given = await Promise.all(ids.map((id) => addresses(small, { id })));
    expect(given.flat().sort()).toEqual(['10.1.0.2/29', '10.1.0.3/29', '10.1.0.4/29', '10.1.0.5/29', '10.1.0.6/29']);
  });
});

describe('DEL', () => {
  it('frees what the attachment holds, and no other', async () => {
    await call(small);
    await call(small, { id: 'c2' });
    expect(await call(small, { verb: 'DEL' })).toEqual({});
    expect(stored()).toEqual(['10.1.0.3', 'last_reserved_ip.0', 'lock']);
  });

  it('succeeds again, and before any ADD, and makes no store', async () => {
    expect(await call(small, { verb: 'DEL' })).toEqual({});
    expect(existsSync(path('net'))).toBe(false);
  });
});

describe('CHECK', () => {
  it('succeeds only while an address is held', async () => {
    await call(small);
    expect(await call(small, { verb: 'CHECK' })).toEqual({});
    expect(await call(small, { verb: 'CHECK', id: 'c2' })).toMatchObject({
      code: 999,
      msg: expect.stringContaining('has no address reserved'),
    });
  });

  it('compares with the result of ADD', async () => {
    await call(small);
    const prevResult = (...ips: string[]) => ({ prevResult: { cniVersion: '1.0.0', ips: ips.map((address) => ({ address })) } });
    expect(await call(small, { verb: 'CHECK', rest: prevResult('10.1.0.2/29', '172.16.0.1/12') })).toEqual({});
    expect(await call(small, { verb: 'CHECK', rest: prevResult('10.1.0.3/29') })).toMatchObject({
      code: 999,
      msg: expect.stringContaining('holds 10.1.0.2, and not 10.1.0.3 of prevResult'),
    });
  });
});

describe('GC', () => {
  const gc = (...ids: string[]) => {
    const attachments = ids.map((containerID) => ({ containerID, ifname: 'eth0' }));
    return call(small, { verb: 'GC', rest: { cniVersion: '1.1.0', 'cni.dev/valid-attachments': attachments } });
  };

  it('releases all addresses of this network but those of the attachments that are in use', async () => {
    for (const id of ['c1', 'c2', 'c3']) await call(small, { id });
    await call(small, { id: 'c9', rest: { name: 'other' } });
    expect(await gc('c2')).toEqual({});
    expect(stored()).toEqual(['10.1.0.3', 'last_reserved_ip.0', 'lock']);
    expect(readdirSync(path('other'))).toContain('10.1.0.2');
    expect(await call(small, { verb: 'CHECK', id: 'c2' })).toEqual({});
  });

  it('releases what a crash left, keeps an old reservation of a container that lives, and what it cannot read', async () => {
    await call(small);
    const files = {
      '10.1.0.3': '',
      '10.1.0.4': 'c1',
      '10.1.0.5': 'gone',
      '10.1.0.6': 'c1\r\neth0\r\nsince=2031',
      '.draft': 'c1\r\neth0',
      notes: 'c9',
    };
    for (const [name, text] of Object.entries(files)) writeFileSync(path('net', name), text);
    await gc('c1');
    expect(stored()).toEqual(['10.1.0.2', '10.1.0.4', '10.1.0.6', 'last_reserved_ip.0', 'lock', 'notes']);
  });

  it('makes no store', async () => {
    expect(await gc()).toEqual({});
    expect(readdirSync(path())).toEqual([]);
  });
});
