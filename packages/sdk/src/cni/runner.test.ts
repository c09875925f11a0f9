import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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
  const plugins = types.map((type) => ({ type, capabilities: { portMappings: true }, mine: type }));
  return parseNetworkConfig(JSON.stringify({ cniVersion: '1.0.0', name: 'net', plugins }), 'test');
}

function runner(timeLimitMs = 5000): CniRunner {
  return new CniRunner({
    pluginDirs: ['/nonexistent', directory],
    cacheDir: join(directory, 'cache'),
    timeLimitMs,
    observe: (e) => executions.push(e),
  });
}

const calls = () => executions.map(({ verb, plugin }) => `${verb} ${plugin}`);
const stdinOf = (index: number) => JSON.parse(executions[index]?.stdin ?? '{}');

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
    await expect(runner(300).add(network('bad'), attachment)).rejects.toMatchObject({
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
