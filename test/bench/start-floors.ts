import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { chooseAccelerator } from '../../plugins/runtime-vm/src/machine/accelerator.ts';
import { findParts } from '../../plugins/runtime-vm/src/machine/machine-parts.ts';
import { probeArguments } from '../../plugins/runtime-vm/src/machine/qemu-arguments.ts';
import { findOnPath, repository } from '../fixtures/tools.ts';
import { pauseForInterruption } from './interruption.ts';
import { percentile } from './report.ts';
import { stopwatch } from './stopwatch.ts';

const floorLimitMs = 300_000;

/**
 * By handler: the least that this host needs to a first line of output in the same isolation, p50 of `count` in milliseconds. A Sentry's
 * processes are started by runc; what it adds is told by the round trips of `sentryCalls`.
 */
export const floors: Record<string, (count: number) => Promise<number>> = { runc, vm, sentry: runc };

/** `runc run` alone: no CRI, network, image, log or monitor. */
async function runc(count: number): Promise<number> {
  const bundle = mkdtempSync(join(tmpdir(), 'berth-floor-'));
  try {
    makeBundle(bundle);
    const samples: number[] = [];
    for (let i = 0; i < count; i++) {
      pauseForInterruption();
      samples.push(await runOnce(bundle, `berth-floor-${process.pid}-${i}`));
    }
    return percentile(samples, 0.5);
  } finally {
    rmSync(bundle, { recursive: true, force: true });
  }
}

/** QEMU alone with the same machine and kernel, to the guest's first process and its end: no share, network or agent. */
async function vm(count: number): Promise<number> {
  const guest = join(repository, '.cache/guest');
  const parts = await findParts(guest);
  const directory = mkdtempSync(join(tmpdir(), 'berth-floor-'));
  const signal = AbortSignal.timeout(floorLimitMs);
  try {
    const accelerator = await chooseAccelerator('auto', parts, {
      record: join(directory, 'kvm.json'),
      log: pino({ level: 'silent' }),
      signal,
    });
    const samples: number[] = [];
    for (let i = 0; i < count; i++) {
      pauseForInterruption();
      samples.push(await exitTime(parts.qemu, probeArguments(parts, accelerator)));
    }
    return percentile(samples, 0.5);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

async function exitTime(program: string, args: string[]): Promise<number> {
  const clock = stopwatch();
  const [status] = await once(spawn(program, args, { stdio: 'ignore' }), 'exit');
  if (status !== 0) throw new Error(`${program} ended with status ${status}`);
  return clock();
}

function makeBundle(bundle: string): void {
  mkdirSync(join(bundle, 'rootfs', 'bin'), { recursive: true });
  copyFileSync(findOnPath('busybox') ?? '', join(bundle, 'rootfs', 'bin', 'busybox'));
  symlinkSync('busybox', join(bundle, 'rootfs', 'bin', 'echo'));
  execFileSync('runc', ['spec', '--bundle', bundle]);
  const path = join(bundle, 'config.json');
  const config = JSON.parse(readFileSync(path, 'utf8')) as { process: { terminal: boolean; args: string[] } };
  Object.assign(config.process, { terminal: false, args: ['echo', 'hello'] });
  writeFileSync(path, JSON.stringify(config));
}

async function runOnce(bundle: string, id: string): Promise<number> {
  const clock = stopwatch();
  const child = spawn('runc', ['--root', join(bundle, 'state'), 'run', '--bundle', bundle, id], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'close');
  await once(child.stdout, 'data');
  const passed = clock();
  const [status] = await ended;
  if (status !== 0) throw new Error(`runc run ended with status ${status}`);
  return passed;
}
