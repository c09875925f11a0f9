import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { DeviceHostFixture } from './device-host.fixture.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'berth-generic-command-'));
});

afterEach(() => rmSync(directory, { recursive: true }));

interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}

async function deviceGeneric(...argv: string[]): Promise<Ended> {
  const args = ['--conditions=berth-source', join(import.meta.dirname, 'main.ts'), ...argv];
  return promisify(execFile)(process.execPath, args).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    ({ code, stdout, stderr }: Ended) => ({ code, stdout, stderr }),
  );
}

it('prints what it finds, and ends', async () => {
  new DeviceHostFixture(join(directory, 'host')).addFile('/dev/ttyUSB0');
  const config = join(directory, 'devices.yaml');
  writeFileSync(config, 'resources:\n  - name: example.org/serial\n    patterns: [/dev/ttyUSB*]\n');
  const { code, stdout } = await deviceGeneric(`--config=${config}`, `--fixture=${join(directory, 'host')}`, '--print');
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toEqual([
    {
      resource: 'example.org/serial',
      devices: [{ id: 'ttyUSB0', paths: ['/dev/ttyUSB0'], numaNodes: [], problem: '/dev/ttyUSB0 is no device', healthy: false }],
    },
  ]);
});

it.each([
  [[], /^device-generic: flag --config: is needed/],
  [['--config=/does/not/exist'], /^device-generic: settings \/does\/not\/exist: there is no such file or directory/],
  [['--config=x', '--plugin-directory=here'], /^device-generic: flag --plugin-directory: must be an absolute path\n$/],
  [['--colour'], /^device-generic: command line: Unknown option '--colour'; --help lists the flags\n$/],
])('%j ends it with 2', async (argv, message) => {
  const { code, stdout, stderr } = await deviceGeneric(...argv);
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toMatch(message);
});

it('prints its flags and its version', async () => {
  expect(await deviceGeneric('--help')).toMatchObject({ code: 0, stdout: expect.stringMatching(/^Usage: device-generic/) });
  expect(await deviceGeneric('--help', '--config=/does/not/exist', '--plugin-directory=here')).toMatchObject({ code: 0 });
  expect(await deviceGeneric('--version')).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
});
