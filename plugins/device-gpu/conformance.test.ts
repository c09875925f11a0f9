import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe } from 'vitest';
import { deviceConformance } from '../../test/fixtures/device-conformance.ts';
import { repository } from '../../test/fixtures/tools.ts';
import { canMakeDevices, GpuHostFixture } from './src/gpu-host.fixture.ts';

const directory = mkdtempSync(join(tmpdir(), 'berth-gpu-conformance-'));
new GpuHostFixture(directory, { gpus: 4 });
const device = `"${directory}/dev/nvidia0"`;

describe('device-gpu', () => {
  deviceConformance({
    requirements: () => (canMakeDevices ? undefined : 'device files can be made by root only'),
    command: `exec "${join(repository, 'bin/device-gpu')}" --fixture "${directory}" --plugin-directory {dir} --interval-seconds 1`,
    makeUnhealthy: `mv ${device} ${device}.away`,
    makeHealthy: `mv ${device}.away ${device}`,
  });
  afterAll(() => rmSync(directory, { recursive: true }));
});
