import { readdir, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { attachment, network, networkOf, plugin, result, says, succeed, usePlugins } from './runner.fixture.ts';
import type { Attachment } from './runner.ts';

const { calls, executions, install, path, runner, stdinOf } = usePlugins();

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
    expect(await readdir(path('cache/results'))).toEqual(['net-c2-eth0']);
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
    await install('one', plugin({ ADD: `touch ${path()}/begun; while [ ! -e ${path()}/go ]; do sleep 0.01; done; ${succeed}` }));
    const cni = runner();
    const list = networkOf({ cniVersion: '1.1.0' }, 'one');
    const adding = cni.add(list, other);
    await expect.poll(() => readdir(path())).toContain('begun');
    const collecting = cni.gc(list, () => {
      expect(calls()).toEqual(['ADD one']);
      return valid;
    });
    await writeFile(path('go'), '');
    await Promise.all([adding, collecting]);
    expect(calls()).toEqual(['ADD one', 'GC one']);
  });

  it('lets the call that has begun end when its caller gives up, and begins no other', async () => {
    await install('one', plugin({ DEL: `touch ${path()}/begun; sleep 0.3` }));
    const cni = runner();
    const list = networkOf({ cniVersion: '1.1.0' }, 'one');
    for (const containerId of ['c1', 'c2']) await cni.add(list, { ...attachment, containerId });
    executions.length = 0;
    const caller = new AbortController();
    const collecting = cni.gc(list, () => [], caller.signal);
    collecting.catch(() => undefined);
    await expect.poll(() => readdir(path()), { interval: 10 }).toContain('begun');
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
