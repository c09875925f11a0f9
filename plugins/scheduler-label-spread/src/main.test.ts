import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const main = fileURLToPath(new URL('main.ts', import.meta.url));

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'berth-label-spread-'));
});

afterEach(() => rmSync(directory, { recursive: true }));

const start = (...args: string[]) =>
  spawn(process.execPath, ['--conditions=berth-source', main, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });

describe('the program', () => {
  it('listens until it is told to end, and takes its socket away', async () => {
    const socket = join(directory, 'plugin.sock');
    const child = start('--listen', `unix://${socket}`, '--args', '{"maxSkew": 1}');
    const [line] = await once(child.stdout.setEncoding('utf8'), 'data');
    expect(line).toBe(`LabelSpread listens on unix://${socket}\n`);
    expect(existsSync(socket)).toBe(true);
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([0, null]);
    expect(existsSync(socket)).toBe(false);
  });

  it.each([
    [[], /^scheduler plugin: no address to listen on; give --listen/],
    [['--listen', 'nowhere'], /^scheduler plugin: .*nowhere/],
    [['--listen', 'unix:///nowhere.sock', '--args', '[]'], /^scheduler plugin: --args: \[\] is no JSON object; write it like/],
    [['--listen', 'unix:///nowhere.sock', '--args', '{"a": 1}'], /^scheduler plugin: LabelSpread's argument a: there is no such argument/],
  ])('refuses %j with one line', async (args, message) => {
    const child = start(...args);
    const [stderr, [status]] = await Promise.all([text(child.stderr), once(child, 'exit')]);
    expect(stderr).toMatch(message);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(status).toBe(1);
  });
});
