import { chmod, mkdtemp, open, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseNetworkConfig } from './config.ts';
import type { Attachment, Execution } from './runner.ts';
import { CniRunner } from './runner.ts';

let directory: string;
let executions: Execution[];
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'berth-cni-runner-'));
  executions = [];
});
afterEach(() => rm(directory, { recursive: true }));

const attachment: Attachment = { containerId: 'c1', netns: '/run/netns/c1', ifName: 'eth0' };
const result = JSON.stringify({ cniVersion: '1.0.0', ips: [{ address: '10.1.0.2/16' }] });
const succeed = `echo '${result}'`;

/** A plugin that is a shell script; `$CNI_COMMAND` and stdin are there for it. */
async function install(name: string, script: string, mode = 0o755): Promise<void> {
  await writeFile(join(directory, name), `#!/bin/sh\n${script}\n`);
  await chmod(join(directory, name), mode);
}

function network(...types: string[]) {
  return networkOf({}, ...types);
}

function networkOf(keys: object, ...types: string[]) {
  const plugins = types.map((type) => ({ type, capabilities: { portMappings: true }, mine: type }));
  return parseNetworkConfig(JSON.stringify({ cniVersion: '1.0.0', name: 'net', plugins, ...keys }), 'test');
}

function runner({ timeLimitMs = 5000, tryAgainMs = 0 } = {}): CniRunner {
  return new CniRunner({
    pluginDirs: ['/nonexistent', directory],
    cacheDir: join(directory, 'cache'),
    timeLimitMs,
    tryAgainMs,
    observe: (e) => executions.push(e),
  });
}

/** Succeeds with a result on ADD and says nothing on any other verb, but for `fail`, which ends as the script says. */
const plugin = (fail: Record<string, string> = {}) =>
  ['case $CNI_COMMAND in', ...Object.entries(fail).map(([verb, script]) => `${verb}) ${script} ;;`), `ADD) ${succeed} ;;`, 'esac'].join(
    '\n',
  );
const says = (code: number, msg: string) => `echo '{"cniVersion":"1.1.0","code":${code},"msg":"${msg}"}'; exit 1`;

const calls = () => executions.map(({ verb, plugin }) => `${verb} ${plugin}`);
const stdinOf = (index: number) => JSON.parse(executions[index]?.stdin ?? '{}');

describe('a name that may be none', () => {
  it.each([
    ['interface', { ifName: '/../../../evil' }, 'CNI_IFNAME: "/../../../evil" holds "/", ":" or a space'],
    ['interface', { ifName: '' }, 'CNI_IFNAME: "" is empty'],
    ['container', { containerId: '../c1' }, 'CNI_CONTAINERID: "../c1" must start with'],
  ])('of an %s is refused before any plugin runs, and reads no file', async (_, named, message) => {
    await install('one', succeed);
    const other = { ...attachment, ...named };
    for (const verb of ['add', 'del', 'check'] as const) await expect(runner()[verb](network('one'), other)).rejects.toThrow(message);
    await expect(runner().cached('net', other)).rejects.toThrow(message);
    expect(calls()).toEqual([]);
  });
});

describe('ADD', () => {
  it('runs the chain in order and hands each the result before it', async () => {
    await install('one', succeed);
    await install('two', succeed);
    const added = await runner().add(network('one', 'two'), attachment);
    expect(added.ips).toEqual([{ address: '10.1.0.2/16' }]);
    expect(calls()).toEqual(['ADD one', 'ADD two']);
    expect(stdinOf(0)).toEqual({ type: 'one', mine: 'one', cniVersion: '1.0.0', name: 'net' });
    expect(stdinOf(1).prevResult).toEqual(JSON.parse(result));
  });

  it('gives the environment of the spec, and the capabilities that the plugin asks for', async () => {
    await install('one', succeed);
    const portMappings = [{ hostPort: 80, containerPort: 8080, protocol: 'tcp' }];
    await runner().add(network('one'), {
      ...attachment,
      args: [['K8S_POD_NAME', 'web']],
      capabilityArgs: { portMappings, mac: '02:00:00:00:00:01' },
    });
    expect(executions[0]?.env).toEqual({
      CNI_COMMAND: 'ADD',
      CNI_CONTAINERID: 'c1',
      CNI_NETNS: '/run/netns/c1',
      CNI_IFNAME: 'eth0',
      CNI_ARGS: 'K8S_POD_NAME=web',
      CNI_PATH: `/nonexistent:${directory}`,
    });
    expect(stdinOf(0).runtimeConfig).toEqual({ portMappings });
  });

  it('keeps the result as libcni does', async () => {
    await install('one', succeed);
    await runner().add(network('one'), attachment);
    const kept = JSON.parse(await readFile(join(directory, 'cache/results/net-c1-eth0'), 'utf8'));
    expect(kept).toMatchObject({ kind: 'cniCacheV1', containerId: 'c1', ifName: 'eth0', networkName: 'net', result: JSON.parse(result) });
    expect(JSON.parse(Buffer.from(kept.config, 'base64').toString())).toMatchObject({ name: 'net' });
  });

  it('names the version of a result that does not, for the plugins after it', async () => {
    await install('one', `echo '{"ips":[]}'`);
    await install('two', succeed);
    await runner().add(network('one', 'two'), attachment);
    expect(stdinOf(1).prevResult).toEqual({ cniVersion: '1.0.0', ips: [] });
  });

  it('is taken back and tried again while a plugin says "try again later"', async () => {
    await install(
      'one',
      plugin({ ADD: `if [ -e ${directory}/ready ]; then ${succeed}; else touch ${directory}/ready; ${says(11, 'not yet')}; fi` }),
    );
    await install('two', plugin());
    expect((await runner({ tryAgainMs: 5000 }).add(network('two', 'one'), attachment)).ips).toHaveLength(1);
    expect(calls()).toEqual(['ADD two', 'ADD one', 'DEL one', 'DEL two', 'ADD two', 'ADD one']);
  });

  it('gives up trying again when the caller does, and tells what the plugin said', async () => {
    await install('one', plugin({ ADD: says(11, 'not yet') }));
    const caller = new AbortController();
    const cni = new CniRunner({
      pluginDirs: [directory],
      cacheDir: join(directory, 'cache'),
      tryAgainMs: 60_000,
      observe: ({ verb }) => verb === 'DEL' && caller.abort(),
    });
    const added = cni.add(network('one'), attachment, caller.signal);
    await expect(added).rejects.toMatchObject({ cniCode: 11, message: 'CNI plugin one, network net, ADD: not yet (code 11)' });
  });

  it('waits for an executable that is just being written', async () => {
    await install('one', succeed);
    const writer = await open(join(directory, 'one'), 'r+');
    const added = runner().add(network('one'), attachment, AbortSignal.timeout(10_000));
    await delay(200);
    expect(executions).toEqual([]);
    await writer.close();
    expect((await added).ips).toHaveLength(1);
    expect(calls()).toEqual(['ADD one']);
  });

  it('that fails over an earlier one leaves nothing kept, since its clean-up has taken down both', async () => {
    await install('one', plugin());
    const cni = runner();
    await cni.add(network('one'), attachment);
    await install('one', plugin({ ADD: says(100, 'is there already') }));
    await expect(cni.add(network('one'), attachment)).rejects.toThrow('is there already');
    expect(await cni.cachedAttachments()).toEqual([]);
  });

  it("removes nothing of what may be another's where the first plugin itself refuses", async () => {
    await install('one', plugin());
    const cni = runner();
    await cni.add(network('one'), attachment);
    await install('one', plugin({ ADD: says(100, 'is there already') }));
    const again = cni.add(network('one'), attachment, undefined, { mayBeAttached: true });
    await expect(again).rejects.toThrow('is there already');
    expect(await cni.cachedAttachments()).toHaveLength(1);
    expect(calls()).toEqual(['ADD one', 'ADD one']);
  });

  it("removes what its plugins made under a name that may be another's", async () => {
    await install('one', succeed);
    await install('two', plugin({ ADD: says(100, 'no') }));
    const failed = runner().add(network('one', 'two'), attachment, undefined, { mayBeAttached: true });
    await expect(failed).rejects.toThrow('no');
    expect(calls()).toEqual(['ADD one', 'ADD two', 'DEL two', 'DEL one']);
  });

  it('runs DEL for the whole chain when one plugin fails, and keeps nothing', async () => {
    await install('one', succeed);
    await install('two', `[ $CNI_COMMAND = DEL ] || { echo '{"cniVersion":"1.0.0","code":11,"msg":"not yet"}'; exit 1; }`);
    const failed = runner().add(network('one', 'two'), attachment);
    await expect(failed).rejects.toMatchObject({ code: 'UNAVAILABLE', cniCode: 11 });
    await expect(failed).rejects.toThrow('CNI plugin two, network net, ADD: not yet (code 11)');
    expect(calls()).toEqual(['ADD one', 'ADD two', 'DEL two', 'DEL one']);
    await expect(readdir(join(directory, 'cache'))).rejects.toThrow('ENOENT');
  });
});

describe('DEL', () => {
  it('runs the chain in reverse with the kept result, and forgets that', async () => {
    await install('one', succeed);
    await install('two', succeed);
    const cni = runner();
    await cni.add(network('one', 'two'), attachment);
    executions.length = 0;
    await cni.del(network('one', 'two'), attachment);
    expect(calls()).toEqual(['DEL two', 'DEL one']);
    expect([stdinOf(0).prevResult, stdinOf(1).prevResult]).toEqual([JSON.parse(result), JSON.parse(result)]);
    expect(await readdir(join(directory, 'cache/results'))).toEqual([]);
  });

  it('works where nothing was kept, and where what was kept is broken', async () => {
    await install('one', succeed);
    const cni = runner();
    await cni.add(network('one'), attachment);
    await writeFile(join(directory, 'cache/results/net-c1-eth0'), '{"kind":"cniCa');
    await cni.del(network('one'), attachment);
    await cni.del(network('one'), attachment);
    expect(stdinOf(1)).not.toHaveProperty('prevResult');
  });

  it('keeps the result when a plugin fails, for the next try', async () => {
    await install('one', `[ $CNI_COMMAND = ADD ] && ${succeed}`);
    const cni = runner();
    await cni.add(network('one'), attachment);
    await expect(cni.del(network('one'), attachment)).rejects.toThrow('DEL');
    expect(await readdir(join(directory, 'cache/results'))).toEqual(['net-c1-eth0']);
  });
});

describe('CHECK', () => {
  it('runs the chain in order with the kept result', async () => {
    await install('one', plugin());
    await install('two', plugin());
    const cni = runner();
    await cni.add(network('one', 'two'), attachment);
    executions.length = 0;
    await cni.check(network('one', 'two'), attachment);
    expect(calls()).toEqual(['CHECK one', 'CHECK two']);
    expect(stdinOf(1).prevResult).toEqual(JSON.parse(result));
  });

  it('hands the result over in the version that the configuration has by then', async () => {
    await install('one', plugin());
    const cni = runner();
    await cni.add(network('one'), attachment);
    await cni.check(networkOf({ cniVersion: '0.4.0' }, 'one'), attachment);
    expect(stdinOf(1).prevResult).toEqual({ cniVersion: '0.4.0', ips: [{ version: '4', address: '10.1.0.2/16' }], dns: {} });
  });

  it('ends at the first plugin that finds something wrong', async () => {
    await install('one', plugin({ CHECK: says(100, 'no such interface') }));
    const cni = runner();
    await cni.add(network('one', 'one'), attachment);
    await expect(cni.check(network('one', 'one'), attachment)).rejects.toMatchObject({ cniCode: 100 });
    expect(calls()).toEqual(['ADD one', 'ADD one', 'CHECK one']);
  });

  it('is not for a container that was never added, nor before 0.4.0, and nothing is asked where it is disabled', async () => {
    await install('one', plugin());
    const cni = runner();
    await expect(cni.check(network('one'), attachment)).rejects.toThrow(
      'CNI network net: no result is kept of an ADD of eth0 of container c1; add it first',
    );
    await expect(cni.check(networkOf({ cniVersion: '0.3.1' }, 'one'), attachment)).rejects.toMatchObject({
      code: 'UNIMPLEMENTED',
      message: 'CNI network net: cniVersion 0.3.1 has no CHECK; configure 0.4.0 or newer',
    });
    await cni.check(networkOf({ disableCheck: true }, 'one'), attachment);
    expect(calls()).toEqual([]);
  });
});

describe('GC', () => {
  const other: Attachment = { ...attachment, containerId: 'c2' };
  const valid = [{ containerId: 'c2', ifName: 'eth0' }];

  it('runs DEL for what is stale, as it was added, then GC with what is valid', async () => {
    await install('one', plugin());
    await install('two', plugin());
    const cni = runner();
    await cni.add(network('one'), { ...attachment, args: [['K', 'V']], capabilityArgs: { portMappings: [] } });
    await cni.add(network('one'), other);
    executions.length = 0;
    await cni.gc(networkOf({ cniVersion: '1.1.0' }, 'two', 'one'), () => valid);
    expect(calls()).toEqual(['DEL one', 'GC two', 'GC one']);
    expect(executions[0]).toMatchObject({ containerId: 'c1', env: { CNI_ARGS: 'K=V', CNI_NETNS: '' } });
    expect(stdinOf(0)).toMatchObject({ cniVersion: '1.0.0', prevResult: JSON.parse(result), runtimeConfig: { portMappings: [] } });
    expect(executions[1]?.env).toMatchObject({ CNI_COMMAND: 'GC', CNI_CONTAINERID: '', CNI_IFNAME: '', CNI_ARGS: '' });
    const told = [{ containerID: 'c2', ifname: 'eth0' }];
    expect(stdinOf(1)).toMatchObject({ cniVersion: '1.1.0', 'cni.dev/valid-attachments': told, 'cni.dev/attachments': told });
    expect(await readdir(join(directory, 'cache/results'))).toEqual(['net-c2-eth0']);
  });

  it('goes on past failures and tells them all', async () => {
    await install('one', plugin({ DEL: says(100, 'stuck'), GC: says(101, 'broken') }));
    await install('two', plugin());
    const cni = runner();
    const list = networkOf({ cniVersion: '1.1.0' }, 'one', 'two');
    await cni.add(list, attachment);
    executions.length = 0;
    await expect(cni.gc(list, () => [])).rejects.toThrow(/failed in 2 places: .*DEL: stuck \(code 100\); .*GC: broken \(code 101\)/);
    expect(calls()).toEqual(['DEL two', 'DEL one', 'GC one', 'GC two']);
  });

  it('is not executed before 1.1.0, and nothing is done where it is disabled', async () => {
    await install('one', plugin());
    const cni = runner();
    await cni.add(network('one'), attachment);
    await cni.gc(networkOf({ disableGC: true, cniVersion: '1.1.0' }, 'one'), () => []);
    expect(calls()).toEqual(['ADD one']);
    await cni.gc(network('one'), () => []);
    expect(calls()).toEqual(['ADD one', 'DEL one']);
  });

  it('waits for an ADD that runs, and counts it among what is valid', async () => {
    await install('one', plugin({ ADD: `touch ${directory}/begun; while [ ! -e ${directory}/go ]; do sleep 0.01; done; ${succeed}` }));
    const cni = runner();
    const list = networkOf({ cniVersion: '1.1.0' }, 'one');
    const adding = cni.add(list, other);
    await expect.poll(() => readdir(directory)).toContain('begun');
    const collecting = cni.gc(list, () => {
      expect(calls()).toEqual(['ADD one']);
      return valid;
    });
    await writeFile(join(directory, 'go'), '');
    await Promise.all([adding, collecting]);
    expect(calls()).toEqual(['ADD one', 'GC one']);
  });

  it('lets the call that has begun end when its caller gives up, and begins no other', async () => {
    await install('one', plugin({ DEL: `touch ${directory}/begun; sleep 0.3` }));
    const cni = runner();
    const list = networkOf({ cniVersion: '1.1.0' }, 'one');
    for (const containerId of ['c1', 'c2']) await cni.add(list, { ...attachment, containerId });
    executions.length = 0;
    const caller = new AbortController();
    const collecting = cni.gc(list, () => [], caller.signal);
    collecting.catch(() => undefined);
    await expect.poll(() => readdir(directory), { interval: 10 }).toContain('begun');
    caller.abort();
    await expect(collecting).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(executions).toMatchObject([{ verb: 'DEL', containerId: 'c1', exitCode: 0 }]);
  });

  it('can leave alone what other runtimes have: DEL for what is kept and stale, no GC', async () => {
    await install('one', plugin());
    const cni = runner();
    const list = networkOf({ cniVersion: '1.1.0' }, 'one');
    for (const containerId of ['c1', 'c2']) await cni.add(list, { ...attachment, containerId });
    executions.length = 0;
    await cni.delStale(list, () => [{ containerId: 'c1', ifName: 'eth0' }]);
    expect(executions).toMatchObject([{ verb: 'DEL', containerId: 'c2' }]);
  });
});

describe('STATUS', () => {
  it.each([
    ['unavailable', 50],
    ['limited-connectivity', 51],
  ])('tells %s (code %d) as a value', async (condition, code) => {
    await install('one', plugin());
    await install('two', plugin({ STATUS: says(code, 'daemon is down') }));
    const status = await runner().status(networkOf({ cniVersion: '1.1.0' }, 'one', 'two', 'one'));
    expect(status).toMatchObject({
      condition,
      error: { cniCode: code, message: expect.stringContaining('two, network net, STATUS: daemon') },
    });
    expect(calls()).toEqual(['STATUS one', 'STATUS two']);
  });

  it('is ready where all say so, and before 1.1.0 without asking; what else goes wrong is thrown', async () => {
    await install('one', plugin());
    await install('bad', plugin({ STATUS: 'exit 3' }));
    const cni = runner();
    expect(await cni.status(networkOf({ cniVersion: '1.1.0' }, 'one'))).toEqual({ condition: 'ready' });
    expect(await cni.status(network('absent'))).toEqual({ condition: 'ready' });
    await expect(cni.status(networkOf({ cniVersion: '1.1.0' }, 'bad'))).rejects.toThrow('exit status 3 and no error object');
    expect(calls()).toEqual(['STATUS one', 'STATUS bad']);
  });
});

describe('VERSION', () => {
  it.each([
    ['says them', `echo '{"cniVersion":"1.1.0","supportedVersions":["0.4.0","1.0.0"]}'`, ['0.4.0', '1.0.0']],
    ['is older than VERSION', says(100, 'unknown CNI_COMMAND: VERSION'), ['0.1.0']],
  ])('gives the versions of a plugin that %s', async (_, script, versions) => {
    await install('one', plugin({ VERSION: script }));
    expect(await runner().versions('one')).toEqual(versions);
  });

  it('fails for a plugin that tells none', async () => {
    await install('one', plugin({ VERSION: 'echo "{}"' }));
    await expect(runner().versions('one')).rejects.toThrow('CNI plugin one, VERSION: told no supportedVersions: {}');
  });
});

describe('a plugin that misbehaves gives one error that names it', () => {
  it.each([
    ['fails without an error object', 'echo broken; exit 3', 'INTERNAL', 'exit status 3 and no error object: broken'],
    ['fails and says so on stderr', 'echo "no\nkernel" >&2; exit 1', 'INTERNAL', 'exit status 1 and no error object: no kernel'],
    ['fails without a word', 'exit 1', 'INTERNAL', 'nothing printed'],
    ['prints garbage', 'echo "<html>"', 'INTERNAL', 'printed something that is no result: <html>'],
    ['prints nothing', 'true', 'INTERNAL', 'printed no result'],
    ['kills itself', 'kill -9 $$', 'INTERNAL', 'was killed by SIGKILL'],
    ['prints the result of an unknown version', `echo '{"cniVersion":"8.0.0"}'`, 'FAILED_PRECONDITION', 'has version 8.0.0'],
    ['prints without end', 'exec cat /dev/zero', 'RESOURCE_EXHAUSTED', 'printed more than 16 MiB on stdout'],
  ])('%s', async (_, script, code, message) => {
    await install('bad', script);
    const failed = runner().add(network('bad'), attachment);
    await expect(failed).rejects.toMatchObject({ code });
    await expect(failed).rejects.toThrow(message);
    await expect(failed).rejects.toThrow('CNI plugin bad, network net, ADD');
  });

  it('is missing', async () => {
    await expect(runner().add(network('absent'), attachment)).rejects.toThrow(
      `CNI plugin absent, network net, ADD: no such executable in /nonexistent, ${directory}; install absent there`,
    );
  });

  it('is not executable', async () => {
    await install('bad', succeed, 0o644);
    await expect(runner().add(network('bad'), attachment)).rejects.toThrow(`${join(directory, 'bad')} is not an executable file`);
  });

  it('never ends: it and what it started are killed at the time limit', async () => {
    await install('bad', `[ $CNI_COMMAND = DEL ] && exit; sleep 1000 & echo $! > ${directory}/child; wait`);
    await expect(runner({ timeLimitMs: 300 }).add(network('bad'), attachment)).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
      message: "CNI plugin bad, network net, ADD: didn't end within 0.3 s and was killed",
    });
    const child = Number(await readFile(join(directory, 'child'), 'utf8'));
    expect(await isRunning(child)).toBe(false);
  });

  it('is killed when the caller gives up', async () => {
    await install('bad', `[ $CNI_COMMAND = DEL ] || exec sleep 1000`);
    await expect(runner().add(network('bad'), attachment, AbortSignal.timeout(100))).rejects.toMatchObject({ code: 'CANCELLED' });
  });

  it('shows its failure to the observer', async () => {
    await install('bad', 'echo details >&2; exit 3');
    await expect(runner().del(network('bad'), attachment)).rejects.toThrow();
    expect(executions).toMatchObject([{ plugin: 'bad', verb: 'DEL', exitCode: 3, stderr: 'details\n', error: { code: 'INTERNAL' } }]);
    expect(executions[0]?.durationMs).toBeGreaterThan(0);
  });
});

/** A killed process that nobody has reaped yet is a zombie, which runs no more. */
async function isRunning(pid: number): Promise<boolean> {
  const status = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return status !== '' && !/\) Z /.test(status);
}
