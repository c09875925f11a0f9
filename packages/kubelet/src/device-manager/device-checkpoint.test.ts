import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ContainerAllocateResponse } from '@berth/sdk/device/protocol';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { DeviceCheckpoint } from './device-checkpoint.ts';
import type { Holder, Holding } from './device-holdings.ts';
import { deviceNear } from './device-set.ts';

let directory: string;
let checkpoint: DeviceCheckpoint;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'berth-devices-'));
  checkpoint = new DeviceCheckpoint(directory);
});

afterEach(() => rmSync(directory, { recursive: true }));

const path = () => join(directory, 'kubelet_internal_checkpoint');

/** What Go's spew and FNV make of the same structs. */
const written = {
  'with devices on several nodes':
    '{"Data":{"PodDeviceEntries":[{"PodUID":"u1","ContainerName":"main","ResourceName":"nvidia.com/gpu","DeviceIDs":{"-1":["a","b"],"0":["c"],"10":["d"],"2":["e"]},"AllocResp":"CgYKAWESATE="}],"RegisteredDevices":{"b/c":[],"nvidia.com/gpu":["a","b"]}},"Checksum":59499896}',
  'without anything': '{"Data":{"PodDeviceEntries":[],"RegisteredDevices":{}},"Checksum":2932075448}',
  'with nil for lists': '{"Data":{"PodDeviceEntries":null,"RegisteredDevices":null},"Checksum":1944006890}',
  'with nil in them':
    '{"Data":{"PodDeviceEntries":[{"PodUID":"u1","ContainerName":"main","ResourceName":"x/y","DeviceIDs":{},"AllocResp":null}],"RegisteredDevices":{"x/y":null}},"Checksum":2817197063}',
  'with empty and nil parts':
    '{"Data":{"PodDeviceEntries":[{"PodUID":"u1","ContainerName":"main","ResourceName":"x/y","DeviceIDs":null,"AllocResp":""}],"RegisteredDevices":null},"Checksum":2437556255}',
};

const nothing = ContainerAllocateResponse.create();

it.each<[keyof typeof written, Holding[], registered: string[], Holder[]?]>([
  [
    'with devices on several nodes',
    [
      {
        uid: 'u1',
        container: 'main',
        resource: 'nvidia.com/gpu',
        ids: ['c', 'e', 'd', 'a', 'b'],
        answer: { ...nothing, envs: { a: '1' } },
      },
    ],
    ['b/c', 'nvidia.com/gpu'],
  ],
  ['without anything', [], []],
  ['with nil for lists', [], []],
  ['with nil in them', [], ['x/y'], [{ uid: 'u1', container: 'main', resource: 'x/y' }]],
  ['with empty and nil parts', [], [], [{ uid: 'u1', container: 'main', resource: 'x/y' }]],
])("reads kubelet's file %s", (name, holdings, registered, unknown = []) => {
  writeFileSync(path(), written[name]);
  expect(checkpoint.load()).toEqual({ holdings, unknown, registered });
});

it('is written as kubelet writes it, and read again', () => {
  const answer = ContainerAllocateResponse.create({ envs: { a: '1' } });
  const holdings = [{ uid: 'u1', container: 'main', resource: 'nvidia.com/gpu', ids: ['a', 'b', 'c', 'd', 'e'], answer }];
  const devices = new Map([
    ['c', deviceNear([0])],
    ['d', deviceNear([10])],
    ['e', deviceNear([2])],
  ]);
  const registered = ['nvidia.com/gpu', 'b/c'];
  checkpoint.save({ holdings, unknown: [], registered, bootId: 'boot' }, () => devices);
  const { Data: data } = JSON.parse(written['with devices on several nodes']);
  const expected = {
    Data: { ...data, RegisteredDevices: { 'nvidia.com/gpu': [], 'b/c': [] } },
    Checksum: expect.any(Number),
    BootID: 'boot',
  };
  expect(JSON.parse(readFileSync(path(), 'utf8'))).toEqual(expected);
  expect(checkpoint.load()).toEqual({
    holdings: [{ ...holdings[0], ids: expect.arrayContaining(['a', 'b', 'c', 'd', 'e']) }],
    unknown: [],
    registered,
  });
});

it.each([
  ['cut off', (text: string) => text.slice(0, 100), /it isn't JSON: it was cut off/],
  ['empty', () => '', /it isn't JSON/],
  ['changed', (text: string) => text.replace('"a","b"', '"a","x"'), /the checksum isn't that of the content/],
  ['of another form', () => '{"Data":{"PodDeviceEntries":{}},"Checksum":1}', /PodDeviceEntries/],
  ['newer, with fields in its entries', (text: string) => text.replace('"AllocResp"', '"AllocResponse"'), /AllocResp/],
])('refuses one that is %s, and puts it aside', (_, change, message) => {
  writeFileSync(path(), change(written['with devices on several nodes']));
  expect(() => checkpoint.load()).toThrow(message);
  expect(checkpoint.putAside()).toBe(`${path()}.broken`);
  expect(checkpoint.load()).toBeUndefined();
});
