import { expect, it } from 'vitest';
import { parseXid } from './xid.ts';

it.each([
  [
    "4,873,5316,-;NVRM: Xid (PCI:0000:3b:00): 79, pid='<unknown>', name=<unknown>, GPU has fallen off the bus.",
    { xid: 79, gpu: '0000:3b:00' },
  ],
  ['NVRM: Xid (PCI:0000:3B:00): 48, An uncorrectable double bit error', { xid: 48, gpu: '0000:3b:00' }],
  ['NVRM: Xid (0000:03:00): 14, Channel 00000001', { xid: 14, gpu: '0000:03:00' }],
  ['NVRM: Xid (PCI:00000000:03:00.0): 62, x', { xid: 62, gpu: '0000:03:00' }],
  ['NVRM: Xid (PCI:10000:03:00): 62, x', { xid: 62, gpu: '10000:03:00' }],
  ['NVRM: Xid (PCI:0000:01:00 GPU-I:05): 94, pid=7194, Contained: CE User Channel', { xid: 94, gpu: '0000:01:00', gpuInstance: 5 }],
  ['NVRM: Xid (PCI:0000:01:00 GPU-I:05 GPU-CI:01): 94, x', { xid: 94, gpu: '0000:01:00', gpuInstance: 5, computeInstance: 1 }],
])('%s', (line, error) => expect(parseXid(line)).toEqual(error));

it.each([
  '',
  'NVRM: loading NVIDIA UNIX x86_64 Kernel Module',
  'NVRM: Xid (PCI:0000:3b:00): , x',
  ' SUBSYSTEM=pci',
  'someone says NVRM: Xid (PCI:0000:3b:00): 79',
])('no error: %j', (line) => expect(parseXid(line)).toBeUndefined());
