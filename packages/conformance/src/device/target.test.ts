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

describe('a command that registers several resources', () => {
  const program = join(import.meta.dirname, 'one-device.fixture.ts');
  const command = `"${process.execPath}" --conditions=berth-source "${program}" fixture.example/one fixture.example/two`;

  it.each([
    ['of which none is chosen', undefined, 'it registers several resources'],
    ['and not the chosen one', 'fixture.example/three', "it doesn't register fixture.example/three"],
  ])('%s is told as a wrong argument', async (_, resource, what) => {
    await expect(DeviceTarget.open({ command, ...(resource && { resource }) })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringMatching(
        new RegExp(`${what}; say --resource with one of fixture.example/(one, fixture.example/two|two, fixture.example/one)$`),
      ),
    });
  });

  it('is judged by the chosen one', async () => {
    const target = await DeviceTarget.open({ command, resource: 'fixture.example/two' });
    try {
      expect((await target.plugin()).socket).toMatch(/fixture\.example-two\.sock$/);
      expect(target.node.resources.toSorted()).toEqual(['fixture.example/one', 'fixture.example/two']);
    } finally {
      await target.close();
    }
  });
});
