import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { PodSentry } from './pod-sentry.ts';

const isMissing = process.platform !== 'linux' || process.arch !== 'x64';

describe.skipIf(isMissing)('the Sentry of a pod (Linux on amd64)', () => {
  let parent: string;
  let sentry: PodSentry;
  let child: ChildProcess | undefined;

  beforeEach(() => {
    parent = mkdtempSync(join(tmpdir(), 'berth-sentries-'));
    sentry = new PodSentry(parent, 'sandbox');
  });
  afterEach(async () => {
    child?.kill('SIGKILL');
    await sentry.end();
    rmSync(parent, { recursive: true });
  });

  /** Starts it as a shim does that dies at once, and gives its end. */
  function startWithoutShim(): Promise<unknown> {
    mkdirSync(sentry.directory, { recursive: true });
    const program = join(import.meta.dirname, 'kernel/sentry.ts');
    child = spawn(process.execPath, [...process.execArgv, program, sentry.directory], { stdio: 'ignore' });
    return once(child, 'exit');
  }

  it('lives from its start until it is ended, and leaves nothing', async () => {
    await sentry.start(AbortSignal.timeout(10_000));
    expect(await sentry.isAlive()).toBe(true);
    expect(await sentry.end()).toEqual({ answered: {}, continued: {}, unimplemented: {} });
    expect(processesWith(sentry.directory)).toEqual([]);
    expect(readdirSync(join(parent, 'pods'))).toEqual([]);
  });

  it('is found and ended by the next shim when its own was killed while it started', async () => {
    const ended = startWithoutShim();
    await vi.waitFor(async () => expect(await sentry.isAlive()).toBe(true), { timeout: 10_000 });
    for (const found of await PodSentry.all(parent)) await found.end();
    await ended;
  });

  it('ends when its directory is taken away', async () => {
    const ended = startWithoutShim();
    await vi.waitFor(() => expect(readdirSync(sentry.directory)).toContain('health'), { timeout: 10_000 });
    rmSync(sentry.directory, { recursive: true });
    await ended;
  });

  it('goes on though its counts can’t be written', async () => {
    mkdirSync(join(sentry.directory, 'calls.json'), { recursive: true });
    await sentry.start(AbortSignal.timeout(10_000));
    const health = createConnection(join(sentry.directory, 'health'));
    expect(String((await once(health, 'data'))[0])).toBe('{"busySeconds":0}\n');
    health.destroy();
    expect(await sentry.isAlive()).toBe(true);
  });

  it('that is called off while it starts says so, and has no process any more', async () => {
    const caller = new AbortController();
    const started = sentry.start(caller.signal);
    caller.abort(new Error('the pod was deleted'));
    await expect(started).rejects.toThrow('the pod was deleted');
    expect(processesWith(sentry.directory)).toEqual([]);
  });

  it('is not started where the longest path of its sockets would be too long', async () => {
    const long = new PodSentry(join(parent, 'x'.repeat(106 - join(sentry.directory, 'notify').length)), 'sandbox');
    await expect(long.start(AbortSignal.timeout(10_000))).rejects.toThrow('longer than 107 bytes');
  });
});

/** Pids of processes that have this argument. */
function processesWith(argument: string): string[] {
  return readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && commandLine(pid).includes(argument));
}

function commandLine(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return [];
  }
}
