import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseNetworkConfig } from './config.ts';
import { execute } from './execution.ts';
import { CniRunner } from './runner.ts';

/** A plugin as an author writes it; what its ADD does is told by its key `act`. */
const program = `#!${process.execPath}
import { setTimeout as wait } from 'node:timers/promises';
import { cniPlugin, run } from ${JSON.stringify(join(import.meta.dirname, 'plugin.ts'))};

const acts = {
  measure: ({ config }) => ({ dns: { domain: String(config.padding.length) } }),
  talk() {
    console.log('by log', { a: 1 });
    console.error('by error');
    return {};
  },
  'throw a text': () => { throw 'no luck'; },
  'throw in a timer': () => new Promise(() => setTimeout(() => { throw new Error('too late'); })),
  'reject unseen': async () => { void Promise.reject(new Error('unseen')); await wait(1000); },
  'wait for nothing': () => new Promise(() => undefined),
  'wait for long': () => wait(60_000),
};
const plugin = cniPlugin({ add: (request) => acts[request.config.act](request), del: () => undefined });
process.exitCode = await run(plugin);
`;

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'berth-plugin-process-'));
  await writeFile(join(directory, 'author.mjs'), program, { mode: 0o755 });
});
afterAll(() => rm(directory, { recursive: true }));

const add = {
  CNI_COMMAND: 'ADD',
  CNI_CONTAINERID: 'c1',
  CNI_NETNS: '/run/netns/c1',
  CNI_IFNAME: 'eth0',
  CNI_PATH: '/opt/cni/bin',
};

async function call(stdin: string, env: Record<string, string> = add) {
  const file = join(directory, 'author.mjs');
  const input = { plugin: 'author', file, network: 'net', verb: 'ADD' as const, containerId: 'c1', ifName: 'eth0', env, stdin };
  const { exitCode, stdout, stderr } = await execute(input, { timeLimitMs: 20_000 });
  return { exitCode, stderr, printed: JSON.parse(stdout || '{}') };
}

const configured = (act: string, keys: object = {}) => JSON.stringify({ cniVersion: '1.0.0', name: 'net', type: 'author', act, ...keys });

describe.concurrent('the process of a plugin', () => {
  it('reads a configuration of 10 MB', async () => {
    const { exitCode, printed } = await call(configured('measure', { padding: 'x'.repeat(10_000_000) }));
    expect({ exitCode, printed }).toEqual({ exitCode: 0, printed: { cniVersion: '1.0.0', dns: { domain: '10000000' } } });
  });

  it('keeps its standard output for the result, whatever it logs', async () => {
    const ended = await call(configured('talk'));
    expect(ended).toEqual({ exitCode: 0, printed: { cniVersion: '1.0.0', dns: {} }, stderr: 'by log { a: 1 }\nby error\n' });
  });

  it.each([
    ['', 6, 'is empty'],
    ['{"cniVersion":"1.0.0","na', 6, 'is not JSON'],
    [configured('throw a text'), 999, 'no luck'],
    [configured('throw in a timer'), 999, 'too late'],
    [configured('reject unseen'), 999, 'unseen'],
    [configured('wait for nothing'), 999, 'ended without an answer: its handler waits for what never comes'],
  ])('tells what goes wrong by an error object: %s', async (stdin, code, msg) => {
    const { exitCode, printed } = await call(stdin);
    expect({ exitCode, printed }).toMatchObject({ exitCode: 1, printed: { code, msg: expect.stringContaining(msg) } });
  });

  it('is killed at the time limit of its runner', async ({ expect }) => {
    const runner = new CniRunner({ pluginDirs: [directory], cacheDir: join(directory, 'cache'), timeLimitMs: 2000 });
    const plugins = [{ type: 'author.mjs', act: 'wait for long' }];
    const network = parseNetworkConfig(JSON.stringify({ cniVersion: '1.0.0', name: 'net', plugins }), 'test');
    const attachment = { containerId: 'c1', netns: '/run/netns/c1', ifName: 'eth0' };
    await expect(runner.add(network, attachment)).rejects.toThrow("author.mjs, network net, ADD: didn't end within 2 s and was killed");
  });
});
