import { describe, expect, it } from 'vitest';
import { parseCapabilityMinor, parseDriverVersion, parseGpuInformation } from './proc-texts.ts';

const uuid = 'GPU-e953c3c5-dba7-029e-ce44-7b51417131df';
const information = (more: string) => `Model: \t\t NVIDIA A100\nIRQ:   \t\t 63\nGPU UUID: \t ${uuid}\nDevice Minor: \t 3\n${more}`;

describe('what the driver tells of a GPU', () => {
  it.each([
    [information('GPU Excluded:\t No\n'), { model: 'NVIDIA A100', uuid, minor: 3, excluded: false }],
    [information('Blacklisted:     Yes\n'), { model: 'NVIDIA A100', uuid, minor: 3, excluded: true }],
    [
      'Model: X\nGPU UUID: GPU-????????-????-????-????-????????????\nDevice Minor: 0\n',
      { model: 'X', uuid: undefined, minor: 0, excluded: false },
    ],
    ['Model: X\nDevice Minor: many\n', undefined],
    ['', undefined],
  ])('%j', (text, told) => expect(parseGpuInformation(text)).toEqual(told));
});

it.each([
  ['NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15  Tue Mar  5 22:23:56 UTC 2024\nGCC version: 12\n', '550.54.15'],
  ['NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  595.91.07  Release Build\n', '595.91.07'],
  ['nothing', undefined],
])('version of the driver: %j', (text, version) => expect(parseDriverVersion(text)).toBe(version));

it.each([
  ['DeviceFileMinor: 21\nDeviceFileMode: 292\nDeviceFileModify: 1\n', 21],
  ['DeviceFileMode: 292\n', undefined],
])('minor of a capability: %j', (text, minor) => expect(parseCapabilityMinor(text)).toBe(minor));
