import { open, readdir, readFile, writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { attachment, network, networkOf, plugin, result, says, succeed, usePlugins } from './runner.fixture.ts';
import { CniRunner } from './runner.ts';

const { calls, executions, install, path, runner, stdinOf } = usePlugins();

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
      CNI_PATH: `/nonexistent:${path()}`,
    });
    expect(stdinOf(0).runtimeConfig).toEqual({ portMappings });
  });

  it('keeps the result as libcni does', async () => {
    await install('one', succeed);
    await runner().add(network('one'), attachment);
    const kept = JSON.parse(await readFile(path('cache/results/net-c1-eth0'), 'utf8'));
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
      plugin({ ADD: `if [ -e ${path()}/ready ]; then ${succeed}; else touch ${path()}/ready; ${says(11, 'not yet')}; fi` }),
    );
    await install('two', plugin());
    expect((await runner({ tryAgainMs: 5000 }).add(network('two', 'one'), attachment)).ips).toHaveLength(1);
    expect(calls()).toEqual(['ADD two', 'ADD one', 'DEL one', 'DEL two', 'ADD two', 'ADD one']);
  });

  it('gives up trying again when the caller does, and tells what the plugin said', async () => {
    await install('one', plugin({ ADD: says(11, 'not yet') }));
    const caller = new AbortController();
    const cni = new CniRunner({
      pluginDirs: [path()],
      cacheDir: path('cache'),
      tryAgainMs: 60_000,
      observe: ({ verb }) => verb === 'DEL' && caller.abort(),
    });
    const added = cni.add(network('one'), attachment, caller.signal);
    await expect(added).rejects.toMatchObject({ cniCode: 11, message: 'CNI plugin one, network net, ADD: not yet (code 11)' });
  });

  it('waits for an executable that is just being written', async () => {
    await install('one', succeed);
    const writer = await open(path('one'), 'r+');
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
    await expect(readdir(path('cache'))).rejects.toThrow('ENOENT');
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
    expect(await readdir(path('cache/results'))).toEqual([]);
  });

  it('works where nothing was kept, and where what was kept is broken', async () => {
    await install('one', succeed);
    const cni = runner();
    await cni.add(network('one'), attachment);
    await writeFile(path('cache/results/net-c1-eth0'), '{"kind":"cniCa');
    await cni.del(network('one'), attachment);
    await cni.del(network('one'), attachment);
    expect(stdinOf(1)).not.toHaveProperty('prevResult');
  });

  it('keeps the result when a plugin fails, for the next try', async () => {
    await install('one', `[ $CNI_COMMAND = ADD ] && ${succeed}`);
    const cni = runner();
    await cni.add(network('one'), attachment);
    await expect(cni.del(network('one'), attachment)).rejects.toThrow('DEL');
    expect(await readdir(path('cache/results'))).toEqual(['net-c1-eth0']);
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
