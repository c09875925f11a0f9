import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { endWithin, ownedPid, pidIn } from './owned-pid.ts';

describe.skipIf(process.platform !== 'linux')('a pid in a file (/proc is on Linux only)', () => {
  let directory: string;
  let pidFile: string;
  let child: ChildProcess;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'berth-pid-'));
    pidFile = join(directory, 'pid');
    child = spawn('sleep', ['600']);
    await once(child, 'spawn');
    await writeFile(pidFile, `${child.pid}\n`);
  });

  afterEach(async () => {
    child.kill('SIGKILL');
    await rm(directory, { recursive: true });
  });

  it('is read from the file, if there is one with a number', async () => {
    expect(await pidIn(pidFile)).toBe(child.pid);
    await writeFile(pidFile, '');
    expect(await pidIn(pidFile)).toBeUndefined();
    expect(await pidIn(join(directory, 'missing'))).toBeUndefined();
  });

  it("is owned while that process runs, and isn't somebody else's", async () => {
    expect(await ownedPid(pidFile, (commandLine) => commandLine.includes('600'))).toBe(child.pid);
    expect(await ownedPid(pidFile, (commandLine) => commandLine.includes('60'))).toBeUndefined();
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(await ownedPid(pidFile, (commandLine) => commandLine.includes('600'))).toBeUndefined();
  });

  it('has ended when the process is gone', async () => {
    const pid = child.pid ?? 0;
    expect(await endWithin([pid], 20)).toBe(false);
    child.kill('SIGKILL');
    expect(await endWithin([pid], 10_000)).toBe(true);
  });

  it('has ended when the process is a zombie that nobody reaps', async () => {
    const parent = spawn('sh', ['-c', 'sleep 600 & echo $!; exec sleep 601'], { stdio: ['ignore', 'pipe', 'ignore'] });
    try {
      const [line] = (await once(createInterface({ input: parent.stdout }), 'line')) as [string];
      // A shell would reap its child; the sleep that it becomes doesn't.
      await vi.waitFor(() => expect(readFileSync(`/proc/${parent.pid}/comm`, 'utf8')).toBe('sleep\n'));
      process.kill(Number(line), 'SIGKILL');
      expect(await endWithin([Number(line)], 10_000)).toBe(true);
      expect(existsSync(`/proc/${line}`)).toBe(true);
    } finally {
      parent.kill('SIGKILL');
    }
  });
});
