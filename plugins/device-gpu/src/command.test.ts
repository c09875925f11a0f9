import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { canMakeDevices, GpuHostFixture } from './gpu-host.fixture.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'berth-gpu-command-'));
});

afterEach(() => rmSync(directory, { recursive: true }));

interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}

async function deviceGpu(...argv: string[]): Promise<Ended> {
  const args = ['--conditions=berth-source', join(import.meta.dirname, 'main.ts'), ...argv];
  return promisify(execFile)(process.execPath, args).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    ({ code, stdout, stderr }: Ended) => ({ code, stdout, stderr }),
  );
}

it('prints what it finds, and ends', async () => {
  new GpuHostFixture(directory, { gpus: 2, migDevices: 1 });
  const { code, stdout } = await deviceGpu(
    `--fixture=${directory}`,
    '--print',
    '--mig-strategy=mixed',
    '--mig-profile=1g.5gb',
    '--replicas=2',
  );
  expect(code).toBe(0);
  const found = JSON.parse(stdout);
  expect(found).toMatchObject({
    source: 'files',
    driverVersion: '550.54.15',
    gpus: [
      { uuid: GpuHostFixture.uuid(0), minor: 0, numaNode: 0, healthy: canMakeDevices, migDevices: [{ healthy: canMakeDevices }] },
      { uuid: GpuHostFixture.uuid(1), minor: 1, numaNode: 1 },
    ],
    links: [{ distance: 'system', nvLinks: 0 }],
    problems: [],
  });
  expect(found.resources).toEqual([{ name: 'nvidia.com/mig-1g.5gb', devices: expect.any(Array) }]);
  expect(found.resources[0].devices).toHaveLength(4);
  expect(found.controlDevices).toHaveLength(canMakeDevices ? 4 : 0);
  expect(found.driverFiles).toHaveLength(5);
});

it.each([
  [['--mig-strategy=some'], 2, /^device-gpu: flag --mig-strategy: .*\n$/],
  [['--fixture=/does/not/exist', '--print'], 2, /^device-gpu: flag --fixture \/does\/not\/exist: ENOENT/],
])('%j ends it with %i', async (argv, code, message) => {
  const ended = await deviceGpu(...argv);
  expect([ended.code, ended.stdout]).toEqual([code, '']);
  expect(ended.stderr).toMatch(message);
});

it('prints its flags and its version', async () => {
  expect(await deviceGpu('--help')).toMatchObject({ code: 0, stdout: expect.stringMatching(/^Usage: device-gpu/) });
  expect(await deviceGpu('--help', '--config=/does/not/exist', '--replicas=many')).toMatchObject({ code: 0 });
  expect(await deviceGpu('--version')).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
});
