import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe } from 'vitest';
import { deviceConformance } from '../../test/fixtures/device-conformance.ts';
import { repository } from '../../test/fixtures/tools.ts';
import { canMakeDevices, DeviceHostFixture } from './src/device-host.fixture.ts';

const directory = mkdtempSync(join(tmpdir(), 'berth-generic-conformance-'));
const host = new DeviceHostFixture(directory);
if (canMakeDevices) for (const minor of [0, 1, 2, 3]) host.addDevice(`/dev/ttyUSB${minor}`, { minor });
const settings = join(directory, 'devices.yaml');
writeFileSync(settings, 'resources: [{ name: example.org/serial, patterns: [/dev/ttyUSB*], env: SERIAL_PORTS }]\n');
const device = `"${directory}/dev/ttyUSB0"`;
/** Where no pattern finds it. */
const away = `"${directory}/away"`;

describe('device-generic', () => {
  deviceConformance({
    requirements: () => (canMakeDevices ? undefined : 'device files can be made by root only'),
    command: `exec "${join(repository, 'bin/device-generic')}" --config "${settings}" --fixture "${directory}" --plugin-directory {dir}`,
    makeUnhealthy: `mv ${device} ${away}`,
    makeHealthy: `mv ${away} ${device}`,
  });
  afterAll(() => rmSync(directory, { recursive: true }));
});
