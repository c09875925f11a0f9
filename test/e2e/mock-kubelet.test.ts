import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BerthHome, type Running } from '../fixtures/berth.ts';

const absent = 'wait vendor.example/thing';

let home: BerthHome;
let running: Running[];

beforeEach(() => {
  home = new BerthHome();
  running = [];
});

afterEach(async () => {
  for (const { child, ended } of running) {
    child.kill('SIGKILL');
    await ended;
  }
  home.remove();
});

const socket = () => join(home.root, 'mock-kubelet/device-plugins/kubelet.sock');

/** `berth mock-kubelet` while it waits for what may be typed. */
async function open(...args: string[]): Promise<Running> {
  const session = home.start(['mock-kubelet', ...args], { openInput: true });
  running.push(session);
  await session.says(/started: device plugins register at /);
  return session;
}

describe('berth mock-kubelet', () => {
  it.each([
    ['quit', (session: Running) => void session.child.stdin.write('quit\n')],
    ['the end of its input', (session: Running) => void session.child.stdin.end()],
    ['Ctrl-C', (session: Running) => void session.child.kill('SIGINT')],
    ['SIGTERM', (session: Running) => void session.child.kill('SIGTERM')],
    ['Ctrl-C while it waits', (session: Running) => void session.child.stdin.write(`${absent}\n`, () => session.child.kill('SIGINT'))],
  ])('ends with %s, and leaves no socket', async (_what, end) => {
    const session = await open();
    expect(existsSync(socket())).toBe(true);
    end(session);
    expect(await session.ended).toMatchObject({ status: 0, stderr: '', stdout: expect.stringMatching(/\nstopped\n$/) });
    expect(existsSync(socket())).toBe(false);
  });

  it('goes on after a command that fails, and tells it by its exit status', async () => {
    const ended = await home.start(['mock-kubelet'], { input: 'nonsense\nresources' }).ended;
    expect(ended).toMatchObject({ status: 1, stdout: expect.stringContaining('no device plugin has registered') });
    expect(ended.stderr).toMatch(/^failed nonsense: there is no such command; write one of /);
  });

  it('refuses a directory that another one serves in', async () => {
    await open('--kubelet-root', join(home.directory, 'kubelet'));
    const ended = await home.berth('mock-kubelet', '--kubelet-root', join(home.directory, 'kubelet'));
    expect(ended).toMatchObject({
      status: 1,
      stdout: '',
      stderr: expect.stringMatching(/a kubelet serves on .*; choose another directory/),
    });
    expect(existsSync(join(home.directory, 'kubelet/device-plugins/kubelet.sock'))).toBe(true);
  });
});

describe('berth mock-kubelet --execute', () => {
  it.each([
    ['all are done', 'resources; # nothing; help', 0],
    ['one quits', 'quit; nonsense', 0],
    ['one fails', `drivers; ${absent}; drivers`, 1],
  ])('ends when %s', async (_what, commands, status) => {
    const ended = await home.berth('mock-kubelet', '--timeout', '0.1', '-e', commands);
    expect(ended.status).toBe(status);
    expect(ended.stdout.match(/no CSI driver has registered/g)?.length ?? 0).toBe(status);
    expect(existsSync(socket())).toBe(false);
  });

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('that %s interrupts ends with status %i', async (signal, status) => {
    const waiting = home.start(['mock-kubelet', '-e', absent, '-o', 'json']);
    running.push(waiting);
    await waiting.says(/"started"/);
    waiting.child.kill(signal);
    const { status: ended, stdout } = await waiting.ended;
    expect([ended, JSON.parse(stdout.trim().split('\n').at(-1) ?? '')]).toMatchObject([status, { event: 'stopped' }]);
  });
});
