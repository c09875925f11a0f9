import { describe, expect, it } from 'vitest';
import { planForwardings, planNeighbours, planRoutes, type Route } from './entries.ts';

const isOurs = ({ protocol }: { protocol?: string }) => protocol === '85';
const lines = ({ add, remove }: { add: readonly (readonly string[])[]; remove: readonly (readonly string[])[] }) =>
  [...add, ...remove].map((command) => command.join(' '));

describe('routes', () => {
  const wanted: Route[] = [{ destination: '10.5.2.0/24', gateway: '10.5.2.0', device: 'flannel.1', onlink: true }];
  const there = { dst: '10.5.2.0/24', gateway: '10.5.2.0', dev: 'flannel.1', protocol: '85', flags: ['onlink'] };

  it('that are there are left alone', () => {
    expect(lines(planRoutes(wanted, [there, { dst: 'default', gateway: '10.0.0.1', dev: 'eth0' }], isOurs))).toEqual([]);
  });

  it.each([
    ['missing', []],
    ['by another gateway', [{ ...there, gateway: '10.5.3.0' }]],
    ['by another device', [{ ...there, dev: 'eth0' }]],
    ['not onlink', [{ ...there, flags: [] }]],
    ["those of flannel's own daemon", [{ ...there, protocol: 'boot' }]],
  ])('%s are written', (_, shown) => {
    expect(lines(planRoutes(wanted, shown, isOurs))).toEqual(['route replace 10.5.2.0/24 via 10.5.2.0 dev flannel.1 onlink proto 85']);
  });

  it('of ours that nobody wants are removed, and those of others stay', () => {
    const shown = [
      { dst: '10.5.7.0/24', gateway: '192.168.0.7', dev: 'eth0', protocol: '85' },
      { dst: '10.5.8.9', dev: 'eth0', protocol: '85' },
      { dst: '10.5.9.0/24', gateway: '192.168.0.9', dev: 'eth0', protocol: 'boot' },
    ];
    expect(lines(planRoutes([], shown, isOurs))).toEqual([
      'route del 10.5.7.0/24 via 192.168.0.7 dev eth0',
      'route del 10.5.8.9/32 dev eth0',
    ]);
  });

  it('to a device alone have no gateway', () => {
    const plan = planRoutes([{ destination: '10.5.0.0/16', device: 'flannel0' }], [], isOurs);
    expect(lines(plan)).toEqual(['route replace 10.5.0.0/16 dev flannel0 proto 85']);
  });

  it('are the same however their addresses are spelled', () => {
    const shown = { dst: 'fd00:5:0:2::/64', gateway: 'fd00:5:0:2:0:0:0:0', dev: 'eth0', protocol: '85' };
    expect(lines(planRoutes([{ destination: 'fd00:5:0:2::/64', gateway: 'fd00:5:0:2::', device: 'eth0' }], [shown], isOurs))).toEqual([]);
  });
});

describe('neighbours', () => {
  it('of the device are those that are wanted', () => {
    const wanted = [
      { address: '10.5.2.0', mac: '02:00:00:00:00:02' },
      { address: '10.5.3.0', mac: '02:00:00:00:00:03' },
    ];
    const shown = [
      { dst: '10.5.2.0', lladdr: '02:00:00:00:00:02' },
      { dst: '10.5.3.0', lladdr: '02:00:00:00:00:33' },
      { dst: '10.5.4.0', lladdr: '02:00:00:00:00:04' },
    ];
    expect(lines(planNeighbours('flannel.1', wanted, shown))).toEqual([
      'neigh replace 10.5.3.0 lladdr 02:00:00:00:00:03 dev flannel.1 nud permanent',
      'neigh del 10.5.4.0 dev flannel.1',
    ]);
  });
});

describe('forwarding entries', () => {
  it('of the device are those that are wanted; learned ones stay', () => {
    const wanted = [
      { mac: '02:00:00:00:00:02', host: '192.168.0.2' },
      { mac: '02:00:00:00:00:03', host: '192.168.0.33' },
    ];
    const shown = [
      { mac: '02:00:00:00:00:02', dst: '192.168.0.2', state: 'permanent' },
      { mac: '02:00:00:00:00:03', dst: '192.168.0.3', state: 'permanent' },
      { mac: '02:00:00:00:00:04', dst: '192.168.0.4', state: 'permanent' },
      { mac: '02:00:00:00:00:05', dst: '192.168.0.5', state: 'reachable' },
    ];
    expect(lines(planForwardings('flannel.1', wanted, shown))).toEqual([
      'fdb replace 02:00:00:00:00:03 dev flannel.1 dst 192.168.0.33 self permanent',
      'fdb del 02:00:00:00:00:04 dev flannel.1 dst 192.168.0.4 self',
    ]);
  });
});
