import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { small, useStore } from './store.fixture.ts';

const { call, path } = useStore();

describe('a configuration', () => {
  it('reads name servers from resolvConf', async () => {
    const resolvConf = path('resolv.conf');
    writeFileSync(resolvConf, '# local\nnameserver 10.1.0.10\nsearch a.example b.example\noptions ndots:5\n');
    expect((await call({ ...small, resolvConf })).dns).toEqual({
      nameservers: ['10.1.0.10'],
      search: ['a.example', 'b.example'],
      options: ['ndots:5'],
    });
    expect((await call({ ...small, resolvConf: '/nonexistent' }, { id: 'c2' })).msg).toMatch(
      /^ipam\.resolvConf \/nonexistent: can't be read: ENOENT.*; name a file in the form of resolv\.conf\(5\), or leave the key out$/,
    );
  });

  it.each([
    [{}, 'ipam.ranges: is missing; name at least one subnet'],
    [{ ranges: {} }, 'ipam.ranges: must be a list, and is {}'],
    [{ ranges: [[]] }, 'ipam.ranges[0]: must be a list of at least one range'],
    [{ ranges: [{ subnet: '10.1.0.0/24' }] }, 'ipam.ranges[0]: must be a list of at least one range; write [[{'],
    [{ ranges: [[{ subnet: '10.1.0.0/24', rangeStart: 5 }]] }, 'ipam.ranges[0][0].rangeStart: must be an IP address, and is 5'],
    [{ subnet: ['10.1.0.0/24'] }, 'ipam.subnet: must be a prefix like 10.1.0.0/16, and is ["10.1.0.0/24"]'],
    [{ ranges: [[{ subnet: '10.1.0.0/24' }], [{ subnet: '10.1.0.0/16' }]] }, 'range set 1 overlaps with range set 0'],
    [{ ...small, routes: {} }, 'ipam.routes: must be a list'],
    [{ ...small, routes: [{}] }, 'ipam.routes[0].dst: is missing'],
    [{ ...small, routes: [{ dst: 'default' }] }, 'ipam.routes[0].dst: must be a prefix like 0.0.0.0/0, and is "default"'],
    [{ ...small, routes: [{ dst: '0.0.0.0/0', gw: 'x' }] }, 'ipam.routes[0].gw: must be an IP address, and is "x"'],
    [{ ...small, routes: [{ dst: '0.0.0.0/0', mtu: '1400' }] }, 'ipam.routes[0].mtu: must be a whole number'],
    [{ ...small, dataDir: 7 }, 'ipam.dataDir: must be a string, and is 7'],
    [{ ...small, resolvConf: {} }, 'ipam.resolvConf: must be a string, and is {}'],
  ])('refuses %j with code 7', async (ipam, message) => {
    expect(await call(ipam)).toMatchObject({ code: 7, msg: expect.stringContaining(message) });
    expect(existsSync(path('net'))).toBe(false);
  });

  it.each([
    [{ runtimeConfig: 1 }, 'runtimeConfig: must be an object, and is 1'],
    [{ runtimeConfig: { ipRanges: {} } }, 'runtimeConfig.ipRanges: must be a list'],
    [{ runtimeConfig: { ipRanges: [[{ subnet: '10.1.0.0/24' }]] } }, 'range set 1 overlaps with range set 0'],
    [{ runtimeConfig: { ips: '10.1.0.5' } }, 'runtimeConfig.ips: must be a list'],
    [{ runtimeConfig: { ips: ['10.1.0'] } }, 'runtimeConfig.ips[0]: must be an IP address, and is "10.1.0"'],
    [{ args: { cni: { ips: [5] } } }, 'args.cni.ips[0]: must be a string, and is 5'],
    [{ args: { cni: 'x' } }, 'args.cni: must be an object, and is "x"'],
    [{ ipam: 'host-local' }, 'ipam: must be an object, and is "host-local"'],
    [{ ipam: null }, 'ipam: is missing'],
    [{ name: '../other' }, 'network name: is "../other"'],
    [{ name: 'a/b' }, 'network name: is "a/b"'],
    [{ name: '..' }, 'network name: is ".."'],
  ])('refuses %j with code 7 and touches no file', async (rest, message) => {
    for (const verb of ['ADD', 'DEL', 'GC', 'CHECK', 'STATUS']) {
      const answer = await call(small, { verb, rest: { cniVersion: '1.1.0', 'cni.dev/valid-attachments': [], ...rest } });
      // What releases addresses doesn't ask for them.
      if (answer.code === undefined && ['DEL', 'GC'].includes(verb)) continue;
      expect(answer).toMatchObject({ code: 7, msg: expect.stringContaining(message) });
    }
    expect(readdirSync(path())).toEqual([]);
  });
});
