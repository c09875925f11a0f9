import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { describe, expect, it, vi } from 'vitest';
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
    const asked = { ...config, cniVersion: '1.1.0', 'cni.dev/valid-attachments': [] };
    expect(await execute(quiet, { CNI_COMMAND: verb }, asked)).toEqual({ status: 0, printed: {} });
  });

  it('is told the attachments that GC leaves', async () => {
    const left: unknown[] = [];
    const collecting = cniPlugin({
      add: () => ({}),
      del: () => undefined,
      gc: ({ validAttachments }) => void left.push(...validAttachments),
    });
    const asked = { ...config, cniVersion: '1.1.0', 'cni.dev/valid-attachments': [{ containerID: 'c1', ifname: 'eth0' }] };
    expect(await execute(collecting, { CNI_COMMAND: 'GC' }, asked)).toMatchObject({ status: 0 });
    expect(left).toEqual([{ containerId: 'c1', ifName: 'eth0' }]);
  });

  it.each([
    ['missing', undefined, 'cni.dev/valid-attachments: is missing; list what is in use'],
    ['no list', 'c1', 'cni.dev/valid-attachments: must be a list, and is "c1"'],
    ['without an interface', [{ containerID: 'c1' }], 'cni.dev/valid-attachments[0].ifname: is missing'],
  ])('collects nothing where the valid attachments are %s', async (_, attachments, msg) => {
    const collecting = cniPlugin({ add: () => ({}), del: () => undefined, gc: () => expect.unreachable() });
    const asked = { ...config, cniVersion: '1.1.0', 'cni.dev/valid-attachments': attachments };
    expect((await execute(collecting, { CNI_COMMAND: 'GC' }, asked)).printed).toMatchObject({ code: 7, msg });
  });

  it('takes DEL without a network namespace', async () => {
    expect(await execute(quiet, { CNI_COMMAND: 'DEL', CNI_NETNS: '' })).toMatchObject({ status: 0 });
  });
});

describe("a namespace that is no container's", () => {
  it.each(['/proc/self/ns/net', '/proc/self/ns/pid'])('is kept from DEL, which is done all the same: %s', async (netns) => {
    const seen: string[] = [];
    const deleting = cniPlugin({ add: () => ({}), del: (request) => void seen.push(request.netns) });
    expect(await execute(deleting, { CNI_COMMAND: 'DEL', CNI_NETNS: netns })).toMatchObject({ status: 1 });
    expect(seen).toEqual(['']);
  });
});

describe.each(['ADD', 'CHECK', 'DEL'])('the namespace of %s', (verb) => {
  const checked = cniPlugin({ add: () => ({}), del: () => undefined, check: () => undefined });
  const within = (netns: string, env: Record<string, string> = {}) => execute(checked, { CNI_COMMAND: verb, CNI_NETNS: netns, ...env });

  it('is not the one that the plugin runs in, unless it is told that it may be', async () => {
    const msg =
      "CNI_NETNS: /proc/self/ns/net is the network namespace that this plugin runs in; pass a container's; with DEL pass none where that is gone";
    expect((await within('/proc/self/ns/net')).printed).toMatchObject({ code: 8, msg });
    expect((await within('/proc/self/ns/net', { CNI_NETNS_OVERRIDE: '0' })).printed).toMatchObject({ code: 8 });
    for (const CNI_NETNS_OVERRIDE of ['1', 'true', 'TRUE']) {
      expect(await within('/proc/self/ns/net', { CNI_NETNS_OVERRIDE })).toMatchObject({ status: 0 });
    }
  });

  it('is of no other kind', async () => {
    const msg = "CNI_NETNS: /proc/self/ns/pid is no network namespace but one of the kind pid; pass the process's ns/net";
    expect((await within('/proc/self/ns/pid')).printed).toMatchObject({ code: 4, msg });
  });

  it.skipIf(process.platform !== 'linux')(
    'is left to the plugin where its process has ended and nobody has waited for it (Linux alone has it)',
    async () => {
      // The shell's child ends with a line on standard input, when the shell has become what knows of no child.
      const shell = spawn('sh', ['-c', 'exec 3<&0; (read -r _ <&3) & echo $!; exec sleep 60']);
      try {
        const [printed] = (await once(shell.stdout, 'data')) as [Buffer];
        const pid = printed.toString().trim();
        await vi.waitFor(() => expect(readFileSync(`/proc/${shell.pid}/comm`, 'utf8')).toBe('sleep\n'));
        shell.stdin.write('\n');
        await vi.waitFor(() => expect(readFileSync(`/proc/${pid}/stat`, 'utf8')).toContain(' Z '));
        expect(await within(`/proc/${pid}/ns/net`)).toMatchObject({ status: 0 });
      } finally {
        shell.kill('SIGKILL');
      }
    },
  );

  it.each(['/no/such/namespace', '/etc/hostname', '/etc/hostname/x', `/${'x'.repeat(5000)}`])(
    'is left to the plugin where it is none: %.20s',
    async (netns) => {
      expect(await within(netns)).toMatchObject({ status: 0 });
    },
  );
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
    [undefined, { code: 999, msg: 'undefined' }],
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

  it('hands over another configuration where the plugin has made one', async () => {
    const calls: DelegateCall[] = [];
    const meta = cniPlugin({ add: ({ delegate }) => delegate('bridge', { name: 'made' }).add(), del: () => undefined });
    const delegate = async (call: DelegateCall) => void calls.push(call);
    await execute(meta, {}, config, { delegate });
    expect(calls[0]).toMatchObject({ type: 'bridge', verb: 'ADD', env: environment, stdin: '{"name":"made"}' });
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

  it.each(['../bin/sh', '..', ''])('refuses the plugin name %j', async (type) => {
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
