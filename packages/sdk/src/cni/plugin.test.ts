import { describe, expect, it } from 'vitest';
import { PluginError } from '../errors.ts';
import type { DelegateCall } from './delegate.ts';
import type { CniPlugin, PluginIo, PluginRequest } from './plugin.ts';
import { cniPlugin, run } from './plugin.ts';
import { CniError } from './types.ts';

const environment = {
  CNI_COMMAND: 'ADD',
  CNI_CONTAINERID: 'c1',
  CNI_NETNS: '/run/netns/c1',
  CNI_IFNAME: 'eth0',
  CNI_PATH: '/opt/one:/opt/two',
  CNI_ARGS: 'IgnoreUnknown=1;IP=10.1.0.9',
};
const config = { cniVersion: '1.0.0', name: 'net', type: 'test' };

interface Outcome {
  status: number;
  printed: Record<string, unknown>;
}

async function execute(
  plugin: CniPlugin,
  env: Record<string, string> = {},
  stdin: unknown = config,
  io: Partial<PluginIo> = {},
): Promise<Outcome> {
  const out: string[] = [];
  const status = await run(plugin, {
    env: { ...environment, ...env },
    readStdin: () => (typeof stdin === 'string' ? stdin : JSON.stringify(stdin)),
    writeStdout: (text) => out.push(text),
    ...io,
  });
  return { status, printed: JSON.parse(out.join('') || '{}') };
}

const quiet = cniPlugin({ add: () => ({}), del: () => undefined });
const failing = (error: unknown) =>
  cniPlugin({
    add() {
      throw error;
    },
    del: () => undefined,
  });

describe('a plugin', () => {
  it('hands its ADD the checked request', async () => {
    let seen: PluginRequest | undefined;
    const plugin = cniPlugin({
      add(request) {
        seen = request;
        return {};
      },
      del: () => undefined,
    });
    await execute(plugin, {}, { ...config, mine: true });
    expect(seen).toMatchObject({
      containerId: 'c1',
      netns: '/run/netns/c1',
      ifName: 'eth0',
      path: ['/opt/one', '/opt/two'],
      cniVersion: '1.0.0',
    });
    expect(seen?.args).toEqual({ IgnoreUnknown: '1', IP: '10.1.0.9' });
    expect(seen?.config.mine).toBe(true);
  });

  it('writes the result in the version asked for', async () => {
    const plugin = cniPlugin({ add: () => ({ ips: [{ address: '10.1.0.2/16' }] }), del: () => undefined });
    const { printed } = await execute(plugin, {}, { ...config, cniVersion: '0.4.0' });
    expect(printed).toEqual({ cniVersion: '0.4.0', ips: [{ version: '4', address: '10.1.0.2/16' }], dns: {} });
  });

  it('reads the prevResult of an older version', async () => {
    let addresses: unknown;
    const plugin = cniPlugin({
      add({ prevResult }) {
        addresses = prevResult?.ips;
        return prevResult ?? {};
      },
      del: () => undefined,
    });
    await execute(plugin, {}, { ...config, cniVersion: '0.3.1', prevResult: { ips: [{ version: '4', address: '10.1.0.2/16' }] } });
    expect(addresses).toEqual([{ address: '10.1.0.2/16' }]);
  });

  it('answers VERSION without any other variable', async () => {
    const out: string[] = [];
    const io = { env: { CNI_COMMAND: 'VERSION' }, readStdin: () => '', writeStdout: (text: string) => out.push(text) };
    expect(await run(quiet, io)).toBe(0);
    expect(JSON.parse(out.join(''))).toMatchObject({ cniVersion: '1.1.0', supportedVersions: expect.arrayContaining(['0.4.0', '1.1.0']) });
  });

  it.each(['DEL', 'CHECK', 'GC', 'STATUS'])('succeeds and prints nothing on %s, given or left out', async (verb) => {
    expect(await execute(quiet, { CNI_COMMAND: verb }, { ...config, cniVersion: '1.1.0' })).toEqual({ status: 0, printed: {} });
  });

  it('takes DEL without a network namespace', async () => {
    expect(await execute(quiet, { CNI_COMMAND: 'DEL', CNI_NETNS: '' })).toMatchObject({ status: 0 });
  });
});

describe('a bad call', () => {
  it.each([
    ['no command', { CNI_COMMAND: '' }, config, 4, 'CNI_COMMAND is not set'],
    ['an unknown command', { CNI_COMMAND: 'UP' }, config, 4, '"UP" is unknown'],
    ['missing variables', { CNI_NETNS: '', CNI_IFNAME: '' }, config, 4, 'CNI_NETNS, CNI_IFNAME must be set for ADD'],
    ['a container id that is a path', { CNI_CONTAINERID: '../x' }, config, 4, 'CNI_CONTAINERID: "../x"'],
    ['an interface name that is too long', { CNI_IFNAME: 'a234567890123456' }, config, 4, 'CNI_IFNAME'],
    ['arguments that are no pairs', { CNI_ARGS: 'IP' }, config, 4, 'CNI_ARGS'],
    ['an empty stdin', {}, '', 6, 'is empty'],
    ['half a JSON', {}, '{"name":', 6, 'is not JSON'],
    ['a list on stdin', {}, '[]', 6, 'is not a JSON object'],
    ['no network name', {}, { cniVersion: '1.0.0', type: 'test' }, 7, 'network name: is missing'],
    ['a network name with a slash', {}, { ...config, name: 'a/../b' }, 7, 'a/../b'],
    ['an unknown version', {}, { ...config, cniVersion: '3.0.0' }, 1, '3.0.0'],
    ['a version that is a number', {}, { ...config, cniVersion: 1 }, 7, 'cniVersion: is 1'],
    ['CHECK in 0.3.1', { CNI_COMMAND: 'CHECK' }, { ...config, cniVersion: '0.3.1' }, 1, 'no CHECK'],
    ['STATUS in 1.0.0', { CNI_COMMAND: 'STATUS' }, config, 1, 'no STATUS'],
    ['a prevResult that is a text', {}, { ...config, prevResult: 'x' }, 6, 'prevResult: is not a JSON object'],
  ])('with %s gets an error object', async (_, env, stdin, code, message) => {
    const { status, printed } = await execute(quiet, env, stdin);
    expect(status).toBe(1);
    expect(printed).toMatchObject({ cniVersion: expect.any(String), code, msg: expect.stringContaining(message) });
  });
});

describe('a failing handler', () => {
  it.each([
    [new CniError(103, 'no such VLAN', { details: 'ask the switch' }), { code: 103, msg: 'no such VLAN', details: 'ask the switch' }],
    [new PluginError('UNAVAILABLE', 'not ready'), { code: 11, msg: 'not ready' }],
    [new PluginError('INVALID_ARGUMENT', 'wrong'), { code: 7, msg: 'wrong' }],
    [new TypeError('x is undefined'), { code: 999, msg: 'x is undefined' }],
    ['a text', { code: 999, msg: 'a text' }],
  ])('that throws %s prints its code', async (thrown, printed) => {
    expect(await execute(failing(thrown))).toEqual({ status: 1, printed: { cniVersion: '1.0.0', ...printed } });
  });
});

describe('delegation', () => {
  const delegating = cniPlugin({
    add: ({ delegate, config: { ipam } }) => delegate(ipam?.type ?? '').add(),
    del: ({ delegate, config: { ipam } }) => delegate(ipam?.type ?? '').del(),
  });
  const withIpam = { ...config, ipam: { type: 'static' } };

  it('passes on the environment and stdin, and reads the result', async () => {
    const calls: DelegateCall[] = [];
    const delegate = async (call: DelegateCall) => {
      calls.push(call);
      return { cniVersion: '1.0.0', ips: [{ address: '10.1.0.2/16' }] };
    };
    const { printed } = await execute(delegating, {}, withIpam, { delegate });
    expect(printed.ips).toEqual([{ address: '10.1.0.2/16' }]);
    expect(calls).toMatchObject([
      { type: 'static', verb: 'ADD', env: environment, path: ['/opt/one', '/opt/two'], stdin: JSON.stringify(withIpam) },
    ]);
  });

  it('runs DEL after a failed ADD and tells the failure of the ADD', async () => {
    const verbs: string[] = [];
    const delegate = async ({ verb, env }: DelegateCall) => {
      verbs.push(`${verb} ${env.CNI_COMMAND}`);
      throw new CniError(11, `${verb} failed`);
    };
    const { printed } = await execute(delegating, {}, withIpam, { delegate });
    expect(verbs).toEqual(['ADD ADD', 'DEL DEL']);
    expect(printed).toMatchObject({ code: 11, msg: 'ADD failed' });
  });

  it.each(['../bin/sh', ''])('refuses the plugin name %j', async (type) => {
    expect((await execute(delegating, {}, { ...config, ipam: { type } })).printed).toMatchObject({
      code: 7,
      msg: expect.stringContaining('ipam.type'),
    });
  });

  it('names the directories in which a plugin was not found', async () => {
    expect((await execute(delegating, {}, withIpam)).printed.msg).toBe(
      'plugin static, ADD: no such executable in CNI_PATH (/opt/one:/opt/two); install static there',
    );
  });
});
