import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ResourceSettings } from './configuration.ts';
import { DeviceFiles } from './device-files.ts';
import { canMakeDevices, DeviceHostFixture } from './device-host.fixture.ts';
import { findDevices, idOf } from './found-devices.ts';

let host: DeviceHostFixture;

beforeEach(() => {
  host = new DeviceHostFixture(mkdtempSync(join(tmpdir(), 'berth-generic-')));
});

afterEach(() => rmSync(host.directory, { recursive: true }));

const resource = (more: Partial<ResourceSettings>): ResourceSettings => ({
  name: 'example.org/thing',
  patterns: [],
  exclude: [],
  groups: [],
  permissions: 'rw',
  replicas: 1,
  ...more,
});

const found = (more: Partial<ResourceSettings>, ...earlier: Partial<ResourceSettings>[]) =>
  findDevices(resource(more), earlier.map(resource), new DeviceFiles(host.directory));
const ids = (more: Partial<ResourceSettings>, ...earlier: Partial<ResourceSettings>[]) => found(more, ...earlier).map(({ id }) => id);

describe('files that match', () => {
  beforeEach(() => {
    for (const path of ['/dev/ttyUSB0', '/dev/ttyUSB1', '/dev/ttyACM0', '/dev/bus/usb/001/002', '/dev/snd/controlC0']) host.addFile(path);
  });

  it.each([
    [{ patterns: ['/dev/ttyUSB*'] }, ['ttyUSB0', 'ttyUSB1']],
    [{ patterns: ['/dev/tty{ACM,USB}[0-9]'], exclude: ['/dev/*0'] }, ['ttyUSB1']],
    [{ patterns: ['/dev/ttyUSB0', '/dev/ttyUSB*', '/dev/nothing'] }, ['ttyUSB0', 'ttyUSB1']],
    [{ patterns: ['/dev/bus/usb/**/0*2'] }, ['bus/usb/001/002']],
    [{ patterns: ['/dev/none*'] }, []],
  ])('%j: %j', (settings, expected) => expect(ids(settings)).toEqual(expected));

  it('are one device each, or one together in a group', () =>
    expect(ids({ patterns: ['/dev/tty*'], groups: [{ id: 'both', patterns: ['/dev/ttyUSB0', '/dev/snd/*'] }] })).toEqual([
      'both',
      'ttyACM0',
      'ttyUSB1',
    ]));

  it('belong to the first resource that they fit', () =>
    expect(ids({ patterns: ['/dev/tty*'] }, { patterns: ['/dev/ttyACM*'] }, { groups: [{ id: 'x', patterns: ['/dev/ttyUSB1'] }] })).toEqual(
      ['ttyUSB0'],
    ));

  it('and are no devices can not be given', () =>
    expect(found({ patterns: ['/dev/ttyACM0'] })).toEqual([
      { id: 'ttyACM0', paths: ['/dev/ttyACM0'], problem: '/dev/ttyACM0 is no device', numaNodes: [] },
    ]));
});

describe.runIf(canMakeDevices)('devices (needs root to make them)', () => {
  it('are given with their NUMA nodes, character or block, and by links to them', () => {
    host.addDevice('/dev/ttyUSB0', { minor: 300, numaNode: 1 });
    host.addDevice('/dev/disk0', { kind: 'b', major: 300, minor: 5, numaNode: 0 });
    host.addLink('/dev/serial/by-id/modem', '/dev/ttyUSB0');
    host.addLink('/dev/serial/by-id/lost', '/dev/nothing');
    expect(
      found({ patterns: ['/dev/disk0', '/dev/serial/by-id/*'] }).map(({ id, problem, numaNodes }) => [id, problem, numaNodes]),
    ).toEqual([
      ['disk0', undefined, [0]],
      ['serial/by-id/lost', '/dev/serial/by-id/lost is no device', []],
      ['serial/by-id/modem', undefined, [1]],
    ]);
  });

  it('of a group are in order if all of them are there', () => {
    host.addDevice('/dev/snd/controlC0');
    const groups = [{ id: 'card0', patterns: ['/dev/snd/controlC0', '/dev/snd/pcmC0*'] }];
    expect(found({ groups })).toMatchObject([{ id: 'card0', paths: ['/dev/snd/controlC0'], problem: 'nothing matches /dev/snd/pcmC0*' }]);
    host.addDevice('/dev/snd/pcmC0D0p', { minor: 1 });
    expect(found({ groups })).toMatchObject([{ paths: ['/dev/snd/controlC0', '/dev/snd/pcmC0D0p'], problem: undefined }]);
  });
});

describe('ids', () => {
  it.each([
    ['/dev/ttyUSB0', 'ttyUSB0'],
    ['/run/device', '/run/device'],
  ])('%s: %s', (path, id) => expect(idOf(path)).toBe(id));

  it('of long paths are short, and differ', () => {
    const [first, second] = ['a', 'b'].map((start) => idOf(`/dev/${start}${'x'.repeat(100)}`));
    expect([first?.length, second?.length]).toEqual([56, 56]);
    expect(first).not.toBe(second);
  });
});
