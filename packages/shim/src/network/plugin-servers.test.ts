import { chmod, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { ExecutionInput } from '@berth/sdk/cni/execution';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { exists } from '../files/exists.ts';
import { PluginServers } from './plugin-servers.ts';

const notHere = process.platform === 'linux' ? undefined : 'processes are started so on Linux only';

/** A program of two plugins, which say which process they ran in; it serves if `serves`. */
const program = (serves: boolean) => `#!${process.execPath}
const { writeFileSync } = require('node:fs');
const { createInterface } = require('node:readline');
if (process.env.CNI_COMMAND === 'VERSION') console.log('{"cniVersion":"1.0.0"${serves ? ',"berth.dev/serves":"--serve"' : ''}}');
else if (process.argv[2] !== '--serve') console.log(JSON.stringify({ pid: process.pid, served: false }));
else createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, plugin, env, stdin } = JSON.parse(line);
  if (stdin === 'hang') console.log(JSON.stringify({ id, stderr: 'it hangs' }));
  if (stdin === '50') console.log(JSON.stringify({ id, stderr: 'slow' })), console.log(JSON.stringify({ id, stderr: 'ly' }));
  if (stdin === 'die') throw new Error('dies of it');
  if (stdin === 'hang') return;
  if (stdin === 'talk') console.log('hello\\n' + JSON.stringify({ id, stdout: '{}', status: 0 }));
  writeFileSync(__dirname + '/asked', '');
  const stdout = JSON.stringify({ pid: process.pid, served: true, plugin, verb: env.CNI_COMMAND });
  setTimeout(() => console.log(JSON.stringify({ id, stdout, status: 0 })), Number(stdin));
});
`;

interface Options {
  containerId?: string;
  timeLimitMs?: number;
  signal?: AbortSignal;
}

describe.skipIf(notHere)(`PluginServers${notHere ? ` (${notHere})` : ''}`, () => {
  let directory: string;
  let servers: PluginServers;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'berth-servers-'));
    servers = new PluginServers({ idleLimitMs: 100 });
    await install(true);
    for (const name of ['one', 'two']) await symlink('many', join(directory, name));
  });
  afterEach(async () => {
    servers.close();
    await rm(directory, { recursive: true });
  });

  const install = async (serves: boolean): Promise<void> => {
    await rm(join(directory, 'many'), { force: true });
    await writeFile(join(directory, 'many'), program(serves));
    await chmod(join(directory, 'many'), 0o755);
  };
  const input = (plugin: string, stdin: string, containerId: string): ExecutionInput => ({
    plugin,
    file: join(directory, plugin),
    network: 'net',
    verb: 'ADD',
    containerId,
    ifName: 'eth0',
    env: { CNI_COMMAND: 'ADD' },
    stdin,
  });
  const run = async (plugin = 'one', stdin = '0', options: Options = {}) => {
    const { containerId = 'c1', ...limits } = options;
    const execution = await servers.execute(input(plugin, stdin, containerId), { timeLimitMs: 10_000, ...limits });
    const { pid, ...said } = JSON.parse(execution.stdout || '{}');
    return { execution, pid, said };
  };

  it('asks one process over and over, for all plugins of its program', async () => {
    const [first, second, third] = [await run('one'), await run('two'), await run('one')];
    expect(first.said).toEqual({ served: true, plugin: 'one', verb: 'ADD' });
    expect(second.said).toMatchObject({ plugin: 'two' });
    expect(second.pid).toBe(first.pid);
    expect(third.pid).toBe(first.pid);
    expect(first.execution).toMatchObject({ exitCode: 0, signal: null, stderr: '' });
  });

  it('has several calls at once, each with its own answer', async () => {
    await run();
    const [slow, quick] = await Promise.all([run('one', '50'), run('two', '0')]);
    expect([slow.said.plugin, quick.said.plugin]).toEqual(['one', 'two']);
    expect([slow.execution.stderr, quick.execution.stderr]).toEqual(['slowly', '']);
  });

  it.each([
    ['a program that says nothing of serving', () => install(false), 'one'],
    ['a program of one plugin', () => install(true), 'many'],
  ])('executes %s for each call', async (_what, make, plugin) => {
    await make();
    const [first, second] = [await run(plugin), await run(plugin)];
    expect(first.said).toEqual({ served: false });
    expect(second.pid).not.toBe(first.pid);
  });

  it('takes a program that has been replaced for another one', async () => {
    expect((await run()).said.served).toBe(true);
    await install(false);
    expect((await run()).said.served).toBe(false);
  });

  it('says what a server that dies said last, and starts another for the next call', async () => {
    const { pid } = await run();
    const { error, stderr } = (await run('one', 'die')).execution;
    expect(error).toMatchObject({ code: 'UNAVAILABLE' });
    expect(stderr).toContain('Error: dies of it\n');
    expect(error?.message).toMatch(/^CNI plugin one, network net, ADD: its program ended before it answered: .*Node\.js v/);
    expect((await run()).pid).not.toBe(pid);
  });

  it('ends a server that prints what is no answer, and says what it was', async () => {
    const { pid } = await run();
    const { error } = (await run('one', 'talk')).execution;
    expect(error?.message).toMatch(/its program ended before it answered: it printed what is no answer: hello; try again$/);
    expect((await run()).pid).not.toBe(pid);
  });

  it('asks a program again that could not be asked whether it serves', async () => {
    expect((await run('one', '0', { signal: AbortSignal.abort() })).execution.error).toMatchObject({ code: 'CANCELLED' });
    expect((await run()).said.served).toBe(true);
  });

  it('gives no call to a server that it has just killed', async () => {
    await run();
    const [late, next] = [run('one', 'hang', { timeLimitMs: 50 }), delay(60).then(() => run())];
    expect((await late).execution.error).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    expect((await next).said.served).toBe(true);
  });

  it('gives no more calls to a server with one that was cancelled and goes on, and lets it end the others that it has', async () => {
    const cancelled = new AbortController();
    const first = await run();
    const hanging = run('one', 'hang', { signal: cancelled.signal });
    const slow = run('two', '2500');
    await delay(50);
    cancelled.abort();
    await delay(2100);
    expect((await run()).pid).not.toBe(first.pid);
    expect((await slow).pid).toBe(first.pid);
    expect((await hanging).execution.error).toMatchObject({ code: 'CANCELLED' });
    await expect.poll(() => exists(`/proc/${first.pid}`)).toBe(false);
  });

  it('answers who gave a call up while others go on beside it, and lets what takes it back wait for its end', async () => {
    const { pid } = await run();
    const slow = run('two', '1500', { containerId: 'c2' });
    const { execution } = await run('one', 'hang', { timeLimitMs: 100 });
    expect(execution.error?.message).toBe("CNI plugin one, network net, ADD: didn't end within 0.1 s and was given up");
    expect(execution.stderr).toBe('it hangs');
    const limited = (await run('one', '0', { timeLimitMs: 100 })).execution;
    expect(limited.error?.message).toMatch(/was not begun, since an earlier call for the same interface goes on; try again$/);
    expect((await run('one', '0', { containerId: 'c2' })).said.served).toBe(true);
    let otherHasEnded = false;
    const other = slow.then(() => {
      otherHasEnded = true;
    });
    expect((await run()).said.served).toBe(true);
    expect(otherHasEnded).toBe(true);
    await other;
    expect((await slow).pid).toBe(pid);
    expect(await exists(`/proc/${pid}`)).toBe(false);
  });

  it('kills a server that does not answer in time', async () => {
    const { pid } = await run();
    const { error, stderr } = (await run('one', 'hang', { timeLimitMs: 400 })).execution;
    expect(stderr).toBe('it hangs');
    expect(error?.message).toBe("CNI plugin one, network net, ADD: didn't end within 0.4 s and was killed");
    expect(await exists(`/proc/${pid}`)).toBe(false);
  });

  it('waits for the answer of a call that is cancelled, so that nothing that takes it back runs beside it', async () => {
    const { pid } = await run();
    const cancelled = new AbortController();
    await rm(join(directory, 'asked'));
    const running = run('one', '300', { signal: cancelled.signal });
    await expect.poll(() => exists(join(directory, 'asked')), { interval: 10 }).toBe(true);
    cancelled.abort();
    const { execution, said } = await running;
    expect(execution.error).toMatchObject({ code: 'CANCELLED' });
    expect(said.served).toBe(true);
    expect((await run()).pid).toBe(pid);
  });

  it('does not begin a call that is cancelled already', async () => {
    await run();
    await rm(join(directory, 'asked'));
    expect((await run('one', '0', { signal: AbortSignal.abort() })).execution.error).toMatchObject({ code: 'CANCELLED' });
    await run('two', 'hang', { timeLimitMs: 50 });
    expect(await exists(join(directory, 'asked'))).toBe(false);
  });

  it('keeps no process that nobody needs', async () => {
    const { pid } = await run();
    await expect.poll(() => exists(`/proc/${pid}`)).toBe(false);
  });
});
