import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readMachineFacts } from './machine-facts.ts';

let root: string;
const roots = () => ({ proc: join(root, 'proc'), sys: join(root, 'sys'), etc: join(root, 'etc') });

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'berth-machine-'));
});

afterEach(() => rmSync(root, { recursive: true }));

function write(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

it('a machine is as its kernel and system tell', () => {
  write('proc/meminfo', 'MemTotal:       16384000 kB\nMemFree:   1 kB\nSwapTotal:       2048 kB\n');
  write('proc/sys/kernel/pid_max', '4194304\n');
  write('proc/sys/kernel/threads-max', '127000\n');
  write('proc/sys/kernel/random/boot_id', 'boot\n');
  write('proc/sys/kernel/osrelease', '6.18.0\n');
  write('sys/devices/system/cpu/online', '0-3,6\n');
  write('sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages', '8\n');
  write('sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages', '0\n');
  write('sys/class/dmi/id/product_uuid', 'uuid\n');
  write('etc/machine-id', 'machine\n');
  write('etc/os-release', 'NAME="Debian"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n');
  expect(readMachineFacts(roots())).toMatchObject({
    cpus: 5,
    memory: 16_384_000n * 1024n,
    swap: 2048n * 1024n,
    hugePages: [
      { size: 2n ** 30n, count: 0n },
      { size: 2n ** 21n, count: 8n },
    ],
    pids: 127_000n,
    machineId: 'machine',
    systemUuid: 'uuid',
    bootId: 'boot',
    kernelVersion: '6.18.0',
    osImage: 'Debian GNU/Linux 12 (bookworm)',
  });
});

it('a machine that tells nothing has what Node knows of it', () => {
  const facts = readMachineFacts(roots());
  expect(facts.cpus).toBeGreaterThan(0);
  expect(facts.memory).toBeGreaterThan(0n);
  expect([facts.pids, facts.hugePages]).toEqual([undefined, []]);
});
