// Runs the tests of the guest (setup/test-in-guest.mjs) in a guest, and exits as they went. `npm run test:guest` sets up and calls this.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PluginError } from '@berth/sdk/errors';
import { pino } from 'pino';
import { chooseAccelerator } from '../../plugins/runtime-vm/src/machine/accelerator.ts';
import { findParts } from '../../plugins/runtime-vm/src/machine/machine-parts.ts';
import { repository } from '../fixtures/tools.ts';
import { memoryMebibytes, TestGuest } from './test-guest.ts';

/** Longest that boot and tests may take together: some minutes on an idle host, emulated. */
const limitMs = 20 * 60_000;

/** QEMU's own, and that of the programs on the other side of the shares. */
const overheadMebibytes = 512;

const stopped = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stopped.abort(new Error(`stopped by ${signal}`)));

async function runInGuest(scratch: string, guest: string, tests: string): Promise<number> {
  const signal = AbortSignal.any([stopped.signal, AbortSignal.timeout(limitMs)]);
  refuseLittleMemory();
  const parts = await findParts(guest);
  const record = join(scratch, 'kvm.json');
  const accelerator = await chooseAccelerator('auto', parts, { record, log: pino({ level: 'silent' }), signal });
  const speed = accelerator === 'kvm' ? 'on KVM' : 'emulated, since KVM does not work here: this takes minutes';
  process.stdout.write(`guest   boots ${speed}\n`);
  const files = {
    debian: join(tests, 'debian'),
    initramfs: join(tests, 'initramfs.cpio'),
    checkout: repository,
    scratch,
    tests: process.argv.slice(2),
  };
  const report = await new TestGuest(parts, accelerator, files).run(process.stdout, signal);
  const { failed } = JSON.parse(report) as { failed: number };
  return failed > 0 ? 1 : 0;
}

function refuseLittleMemory(): void {
  const [, available = '0'] = /^MemAvailable:\s+(\d+) kB$/m.exec(readFileSync('/proc/meminfo', 'utf8')) ?? [];
  const have = Math.floor(Number(available) / 1024);
  const needed = memoryMebibytes + overheadMebibytes;
  if (have >= needed) return;
  throw new PluginError('RESOURCE_EXHAUSTED', `it takes ${needed} MiB of memory, and ${have} MiB are free`, {
    object: 'guest',
    hint: 'end something else first',
  });
}

function directoryIn(variable: string): string {
  const directory = process.env[variable];
  if (directory !== undefined) return directory;
  throw new PluginError('FAILED_PRECONDITION', 'it is not set', { object: variable, hint: 'run "npm run test:guest"' });
}

const scratch = mkdtempSync(join(tmpdir(), 'berth-guest-'));
try {
  process.exitCode = await runInGuest(scratch, directoryIn('BERTH_GUEST_DIR'), directoryIn('BERTH_TEST_GUEST_DIR'));
} catch (error) {
  process.stderr.write(`berth: ${(error as Error).message}\n`);
  process.stdout.write('0 passed, 1 failed\n');
  process.exitCode = 1;
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
