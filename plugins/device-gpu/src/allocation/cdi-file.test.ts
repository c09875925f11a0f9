import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Gpu } from '../discovery/gpu.ts';
import type { Unit } from '../resources/resources.ts';
import { CdiFile, toolFits } from './cdi-file.ts';
import { cdiSpecification } from './cdi-specification.ts';

const kind = 'k8s.device-plugin.nvidia.com/gpu';
const unit: Unit = { id: 'GPU-a', gpu: { id: 'GPU-a' } as Gpu, mig: undefined };
const files = { control: [], ofUnit: () => [], mounts: [] };
const signal = new AbortController().signal;

let directory: string;
let log: string[];
let calls: string[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'berth-cdi-'));
  [log, calls] = [[], []];
});

afterEach(() => rmSync(directory, { recursive: true }));

/** With a tool that prints this, or fails so. */
function cdiFile(printed?: string | Error): CdiFile {
  const execute = async (file: string, args: readonly string[]): Promise<string> => {
    calls.push([file, ...args].join(' '));
    if (typeof printed !== 'string') throw printed;
    return printed;
  };
  return new CdiFile({
    directory: join(directory, 'cdi'),
    kind,
    useTool: printed !== undefined,
    log: (message) => void log.push(message),
    execute,
  });
}

const own = JSON.parse(JSON.stringify(cdiSpecification(kind, [unit], files)));
const written = () => JSON.parse(readFileSync(join(directory, 'cdi/k8s.device-plugin.nvidia.com-gpu.json'), 'utf8'));

it('holds the specification, also while there are no devices any more', async () => {
  const file = cdiFile();
  await file.write([], files, signal);
  expect(existsSync(file.path)).toBe(false);
  await file.write([unit], files, signal);
  await file.write([], files, signal);
  expect(written()).toEqual(own);
});

it.each([
  [{ source: 'nvml', driverFiles: true }, true],
  [{ source: 'files', driverFiles: true }, false],
  [{ source: 'nvml', driverFiles: false }, false],
  [{ source: 'nvml', driverFiles: true, libraryDirectory: '/usr/lib64' }, false],
] as const)('with %j nvidia-ctk does what is wanted: %j', (settings, fits) => expect(toolFits(settings)).toBe(fits));

it("is nvidia-ctk's where that tells of all GPUs", async () => {
  const generated = { ...own, hooked: true };
  const file = cdiFile(JSON.stringify(generated));
  await file.write([unit], files, signal);
  await file.write([unit], files, signal);
  expect(written()).toEqual(generated);
  expect(calls).toEqual([
    'nvidia-ctk cdi generate --format=json --device-name-strategy=uuid --vendor=k8s.device-plugin.nvidia.com --class=gpu',
  ]);
});

it.each([
  ['tells of others', '{"kind": "nvidia.com/gpu", "devices": []}', /doesn't tell of all GPUs/],
  ['prints no JSON', 'usage', /nvidia-ctk failed/],
  ['fails', new Error('no driver'), /nvidia-ctk failed, and the CDI specification is the plugin's own: no driver/],
  ['is not there', Object.assign(new Error('spawn nvidia-ctk ENOENT'), { code: 'ENOENT' }), /^$/],
])('is its own where nvidia-ctk %s', async (_what, printed, told) => {
  await cdiFile(printed).write([unit], files, signal);
  expect(written()).toEqual(own);
  expect(log.join()).toMatch(told);
});

it('names the file that can not be written', async () => {
  const file = new CdiFile({ directory: '/dev/null/cdi', kind, useTool: false, log: () => undefined });
  await expect(file.write([unit], files, signal)).rejects.toThrow(
    /CDI specification \/dev\/null\/cdi\/k8s.*; choose another directory by --cdi-root/,
  );
});
