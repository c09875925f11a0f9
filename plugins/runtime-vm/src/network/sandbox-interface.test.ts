import { describe, expect, it } from 'vitest';
import { guestInterface } from './sandbox-interface.ts';

const link = {
  mtu: 1450,
  address: '02:00:00:00:00:01',
  addr_info: [
    { local: '10.85.0.5', prefixlen: 24, scope: 'global' },
    { local: 'fd00::5', prefixlen: 64, scope: 'global' },
    { local: 'fe80::1', prefixlen: 64, scope: 'link' },
  ],
};

describe('guestInterface', () => {
  it('has the addresses that CNI gave, without those that a kernel gives itself', () => {
    expect(guestInterface(link, [])).toEqual({ mtu: 1450, addresses: ['10.85.0.5/24', 'fd00::5/64'], routes: [] });
  });

  it("has CNI's routes in an order in which each gateway is reachable", () => {
    const routes = [{ dst: 'default', gateway: '169.254.1.1' }, { dst: '10.85.0.0/24', protocol: 'kernel' }, { dst: '169.254.1.1' }];
    expect(guestInterface(link, routes).routes).toEqual([
      { destination: '169.254.1.1', gateway: '' },
      { destination: 'default', gateway: '169.254.1.1' },
    ]);
  });

  it('refuses an interface without an address', () => {
    expect(() => guestInterface({ ...link, addr_info: [] }, [])).toThrow('eth0 of the sandbox: CNI gave it no address');
  });
});
