import { existsSync, mkdtempSync, readFileSync, realpathSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SmallDisk } from '../../testing/small-disk.ts';
import { withoutRoot } from '../../testing/test-shim.ts';
import { MonitoredProcess } from './monitored-process.ts';

const env = [`PATH=${process.env.PATH}`, 'GREETING=a=b\nc'];

describe.skipIf(process.platform !== 'linux')('MonitoredProcess (it reads /proc, which only Linux has)', () => {
  let directory: string;
  let logPath: string;
  let monitored: MonitoredProcess;

  beforeEach(() => {
    directory = realpathSync(mkdtempSync(join(tmpdir(), 'berth-monitored-')));
    logPath = join(directory, 'main.log');
    monitored = new MonitoredProcess(directory);
  });

  afterEach(async () => {
    await monitored.remove();
    rmSync(directory, { recursive: true });
  });

  const start = (script: string) => monitored.start({ args: ['sh', '-c', script], env, cwd: '/', logPath }, AbortSignal.timeout(10_000));
  const ended = () => monitored.ended(AbortSignal.timeout(10_000));
  const lines = () => (existsSync(logPath) ? readFileSync(logPath, 'utf8') : '').split('\n').slice(0, -1);
  const pid = (name: string) => Number(readFileSync(join(directory, `${name}.pid`), 'utf8'));

  it('runs a command with its environment, keeps its output apart by stream, and tells its exit code', async () => {
    expect(await monitored.state()).toEqual({ state: 'created' });
    await start('printf "%s" "$GREETING"; echo oops >&2; exit 7');
    expect(await ended()).toEqual({ exitCode: 7, finishedAt: expect.any(Date) });
    const text = lines().map((line) => line.split(' ').slice(1).join(' '));
    expect(text.toSorted()).toEqual(['stderr F oops', 'stdout F a=b', 'stdout F c']);
    expect(await monitored.state()).toMatchObject({ state: 'exited', exit: { exitCode: 7 } });
  });

  it('is found again by its directory, and told of a signal by 128 and its number', async () => {
    await start('exec sleep 600');
    const again = new MonitoredProcess(directory);
    expect(await again.state()).toMatchObject({ state: 'running' });
    await again.signal('SIGTERM');
    expect(await again.ended(AbortSignal.timeout(10_000))).toMatchObject({ exitCode: 143 });
    await again.signal('SIGTERM');
  });

  it('what it has started ends with it', async () => {
    await start('sleep 600 & echo $!');
    await ended();
    const child = Number(lines()[0]?.split(' ').at(-1));
    await expect.poll(() => isRunning(child)).toBe(false);
  });

  it('what has left its group, and keeps its output, does not keep it from ending', async () => {
    await start('setsid sleep 600 & echo $!');
    await ended();
    process.kill(Number(lines()[0]?.split(' ').at(-1)), 'SIGKILL');
  });

  it('a monitor that is killed leaves a process that counts as killed', async () => {
    await start('exec sleep 600');
    process.kill(-pid('process'), 'SIGKILL');
    process.kill(pid('monitor'), 'SIGKILL');
    expect(await ended()).toMatchObject({ exitCode: 137 });
  });

  it.skipIf(withoutRoot)(
    `on a full disk loses lines of its log, but tells its exit code once there is room${withoutRoot ? ` (${withoutRoot})` : ''}`,
    async () => {
      const disk = new SmallDisk(directory);
      try {
        await start(`until test -e ${directory}/full; do sleep 0.02; done; echo lost; exit 7`);
        disk.fill();
        renameSync(join(directory, 'ballast'), join(directory, 'full'));
        const told = ended();
        await expect.poll(() => isRunning(pid('process'))).toBe(false);
        expect(await monitored.state()).toMatchObject({ state: 'running' });
        rmSync(join(directory, 'full'));
        expect(await told).toMatchObject({ exitCode: 7 });
        expect(lines()).toEqual([]);
      } finally {
        disk.unmount();
      }
    },
  );

  it('removed, it is gone with its monitor', async () => {
    await start('trap "" TERM; while :; do sleep 0.05; done');
    await monitored.remove();
    expect([isRunning(pid('process')), isRunning(pid('monitor'))]).toEqual([false, false]);
    await monitored.remove();
  });

  it('goes on with its log in a new file', async () => {
    await start('echo one; until test -e "$0"; do sleep 0.02; done; echo two'.replace('$0', join(directory, 'go')));
    await expect.poll(lines).toHaveLength(1);
    renameSync(logPath, `${logPath}.1`);
    await monitored.reopenLog(logPath, AbortSignal.timeout(5000));
    renameSync(`${logPath}.1`, join(directory, 'go'));
    await ended();
    expect(lines().map((line) => line.split(' ').at(-1))).toEqual(['two']);
  });

  it.each([
    ['a program that is not there', { args: ['/no/such/program'], cwd: '/' }],
    ['a directory that is not there', { args: ['true'], cwd: '/no/such/directory' }],
  ])('%s is INVALID_ARGUMENT', async (_, command) => {
    const started = monitored.start({ ...command, env, logPath: undefined }, AbortSignal.timeout(10_000));
    await expect(started).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', message: expect.stringContaining('ENOENT') });
  });

  it('a start that is given up leaves what remove takes away', async () => {
    const given = new AbortController();
    const started = monitored.start({ args: ['sleep', '600'], env, cwd: '/', logPath: undefined }, given.signal);
    await expect.poll(() => existsSync(join(directory, 'monitor.pid'))).toBe(true);
    given.abort(new Error('enough'));
    await expect(started).rejects.toThrow('enough');
    await monitored.remove();
    expect(await monitored.state()).toMatchObject({ state: 'exited' });
  });
});

function isRunning(pid: number): boolean {
  const state = existsSync(`/proc/${pid}/stat`) ? readFileSync(`/proc/${pid}/stat`, 'utf8') : '';
  return state !== '' && !state.includes(') Z');
}
