import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DeviceTarget } from './target.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'berth-device-target-'));
});

afterEach(() => rmSync(directory, { recursive: true }));

/** What a plugin leaves behind that is killed. */
function leaveDeadSocket(path: string): void {
  const script = `require('node:net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))`;
  expect(() => execFileSync(process.execPath, ['-e', script, path], { stdio: 'ignore' })).toThrow();
}

describe('a socket where', () => {
  it.each([
    ['there is nothing', () => undefined, "the socket file doesn't exist"],
    ['nobody listens', leaveDeadSocket, 'nobody listens there'],
    ['there is another file', (path: string) => writeFileSync(path, ''), 'nobody listens there'],
  ])('%s is told as a wrong argument, and not waited for', async (_, make, what) => {
    const socket = join(directory, 'plugin.sock');
    make(socket);
    // More patience than a test has: whoever waits fails.
    await expect(DeviceTarget.open({ socket, patienceMs: 600_000 })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: `--socket ${socket}: ${what}; start the plugin first, or name the socket on which it serves`,
    });
  });
});
