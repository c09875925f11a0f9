import { stripVTControlCharacters } from 'node:util';
import type { MockKubeletEvent } from '@berth/sdk/mock-kubelet';
import { expect, it } from 'vitest';
import { eventLine } from './event-line.ts';
import { driverLines } from './status-lines.ts';

const at = new Date(0);
const options = { preStartRequired: true, getPreferredAllocationAvailable: true };
const changes = { came: [], went: [], recovered: [], failed: [] };
const device = (id: string, healthy = true) => ({ id, healthy, numaNodes: [] });
const driver = {
  name: 'driver.example',
  endpoint: '/csi.sock',
  supportedVersions: ['1.0.0'],
  version: '1.0.0',
  registeredAt: at,
  vendorVersion: '2.1',
  manifest: {},
  ready: true,
  capabilities: ['CONTROLLER_SERVICE'],
  nodeCapabilities: [],
  node: { id: 'n1', maxVolumes: 4, topology: { zone: 'a' } },
};

it.each<[line: string, event: MockKubeletEvent]>([
  [
    'started: device plugins register at /k/kubelet.sock, CSI drivers by sockets in /k/registry',
    { at, event: 'started', registrationSocket: '/k/kubelet.sock', registryDirectory: '/k/registry' },
  ],
  ['stopped', { at, event: 'stopped' }],
  [
    'v.example/a registered, at /a.sock; asks for PreStartContainer and GetPreferredAllocation',
    { at, event: 'registered', resource: 'v.example/a', socket: '/a.sock', options },
  ],
  [
    'v.example/a: 1 of 2 healthy; came: a b; went: c; healthy again: d; unhealthy: e',
    {
      at,
      event: 'devices',
      resource: 'v.example/a',
      devices: [device('a'), device('b', false)],
      came: ['a', 'b'],
      went: ['c'],
      recovered: ['d'],
      failed: ['e'],
    },
  ],
  ['v.example/a: 0 of 0 healthy', { at, event: 'devices', resource: 'v.example/a', devices: [], ...changes }],
  [
    `v.example/a: 0 of 0 healthy; went: ${Array.from({ length: 16 }, (_, index) => index).join(' ')} and 4 more`,
    {
      at,
      event: 'devices',
      resource: 'v.example/a',
      devices: [],
      ...changes,
      went: Array.from({ length: 20 }, (_, index) => String(index)),
    },
  ],
  ['CSI driver driver.example registered, at /csi.sock, as node n1', { at, event: 'driver-registered', driver }],
  [
    `v.example/a: 0 of 0 healthy; came: ${'x'.repeat(200)}... (1000 characters)`,
    { at, event: 'devices', resource: 'v.example/a', devices: [], ...changes, came: ['x'.repeat(1000)] },
  ],
  ['CSI driver driver.example has gone', { at, event: 'driver-gone', driver: 'driver.example' }],
  ['gone the plugin\\u001b', { at, event: 'plugin-gone', resource: 'v.example/a', socket: '/a.sock', message: 'the plugin\u001b' }],
  ['refused why', { at, event: 'refused', plugin: 'a.sock', message: 'why' }],
  ['problem what', { at, event: 'problem', message: 'what' }],
])('%s', (line, event) => {
  expect(stripVTControlCharacters(eventLine(event))).toBe(line);
});

it('a CSI driver is shown with what it answered', () => {
  const unready = { ...driver, name: 'other.example', vendorVersion: '', ready: false, node: { id: 'n2', maxVolumes: 0, topology: {} } };
  expect(driverLines([driver, unready])).toEqual([
    'driver.example 2.1, CSI 1.0.0, at /csi.sock',
    '  node               n1, at most 4 volumes',
    '  topology           zone=a',
    '  capabilities       CONTROLLER_SERVICE',
    '  node capabilities  -',
    'other.example of no version, CSI 1.0.0, at /csi.sock, not ready',
    '  node               n2, any number of volumes',
    '  topology           -',
    '  capabilities       CONTROLLER_SERVICE',
    '  node capabilities  -',
  ]);
});
