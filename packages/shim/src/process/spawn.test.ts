import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { spawn } from './spawn.ts';

const notHere = process.platform === 'linux' ? undefined : 'posix_spawn is bound on Linux only';

describe.skipIf(notHere)(`spawn${notHere ? ` (${notHere})` : ''}`, () => {
  it('gives a program its arguments and variables alone, and passes on what it prints', async () => {
    const child = spawn('sh', ['-c', 'cat; echo "$0 $1 $ONE $HOME"; echo two >&2; exit 3', 'a b', 'c'], {
      env: { PATH: '/usr/bin:/bin', ONE: '1' },
    });
    child.stdin.end('in\n');
    const [stdout, stderr, [code, signal]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
    expect({ stdout, stderr, code, signal }).toEqual({ stdout: 'in\na b c 1 \n', stderr: 'two\n', code: 3, signal: null });
  });

  it('tells which signal has ended it, and signals nobody afterwards', async () => {
    const child = spawn('sleep', ['60'], { stdio: ['ignore', 'ignore', 'ignore'] });
    expect(child.kill('SIGTERM')).toBe(true);
    expect(await once(child, 'exit')).toEqual([null, 'SIGTERM']);
    expect(child.kill('SIGTERM')).toBe(false);
  });

  it('tells by an error that there is no such program', async () => {
    const child = spawn('/no/such/program', []);
    expect(child.pid).toBeUndefined();
    expect(await once(child, 'error')).toMatchObject([{ code: 'ENOENT', path: '/no/such/program' }]);
    expect(child.kill()).toBe(false);
  });

  it('starts it in a directory, with pipes from further descriptors', async () => {
    const child = spawn('sh', ['-c', 'pwd >&3'], { cwd: '/proc', stdio: ['ignore', 'ignore', 'ignore', 'pipe'] });
    const [third] = child.stdio.slice(3);
    expect(third && (await text(third))).toBe('/proc\n');
  });

  it('starts one that heeds SIGPIPE and blocks no signal, in a session of its own when asked to', async () => {
    const read = async (detached: boolean) => {
      const child = spawn('cat', ['/proc/self/status', '/proc/self/stat'], { detached });
      return { pid: child.pid, said: await text(child.stdout) };
    };
    const { pid, said } = await read(true);
    expect(said).toMatch(/SigBlk:\t0+\n/);
    // SIGPIPE is the lowest bit of the fourth digit from the right.
    expect(said).toMatch(/SigIgn:\t\w+[02468ace]\w{3}\n/);
    const session = (line: string) => Number(/\) \S \d+ \d+ (\d+)/.exec(line)?.[1]);
    expect(session(said)).toBe(pid);
    const shared = await read(false);
    expect(session(shared.said)).not.toBe(shared.pid);
  });

  it('has many at once', async () => {
    const children = Array.from({ length: 40 }, (_, index) => spawn('sh', ['-c', `exit ${index}`]));
    for (const child of children) for (const output of [child.stdout, child.stderr]) output.resume();
    const ends = await Promise.all(children.map((child) => once(child, 'close')));
    expect(ends.map(([code]) => code)).toEqual(children.map((_, index) => index));
  });
});
