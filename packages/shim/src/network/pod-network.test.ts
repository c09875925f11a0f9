import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CallRecord } from '@berth/sdk/call-record';
import { NamespaceMode, PodSandboxState, Protocol } from '@berth/sdk/cri';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeCniPlugins } from '../../testing/cni-plugins.ts';
import { TestShim, withoutRoot } from '../../testing/test-shim.ts';
import { mountPoints } from '../mount-points.ts';
import { runProgram } from '../run-program.ts';

let shim: TestShim;
const signal = AbortSignal.timeout(60_000);

describe.skipIf(withoutRoot)(`a pod's network${withoutRoot ? ` (${withoutRoot})` : ''}`, () => {
  beforeEach(async () => {
    shim = await TestShim.start({ features: { network: true, namespaces: true }, cni: writeCniPlugins });
  });

  afterEach(async () => {
    for (const name of ['fail-ADD', 'fail-DEL', 'hang-DEL']) await rm(join(shim.directory, 'bin', name), { force: true });
    const { items } = await shim.runtime.listPodSandbox({ filter: undefined });
    for (const { id } of items) await shim.runtime.removePodSandbox({ podSandboxId: id });
    const left = await mountsBelow(shim.directory);
    await shim.close();
    expect(left).toEqual([]);
  });

  async function mountsBelow(directory: string): Promise<string[]> {
    return [...(await mountPoints())].filter((point) => point.startsWith(directory));
  }

  async function calls(): Promise<string[]> {
    const text = await readFile(join(shim.directory, 'bin', 'calls'), 'utf8').catch(() => '');
    return text.split('\n').filter(Boolean);
  }

  async function recordsOf(id: string): Promise<(CallRecord & { parentSpanId: string })[]> {
    const lines = (await readFile(join(shim.run, 'calls', `${id}.jsonl`), 'utf8')).trim().split('\n');
    return lines.map((line) => JSON.parse(line));
  }

  /** A network before that of the test shim, which each of its starts writes anew. */
  async function configure(keys: object): Promise<void> {
    const list = { cniVersion: '1.0.0', name: 'test', plugins: [{ type: 'testnet' }], ...keys };
    await writeFile(join(shim.directory, 'net.d', '05-own.conflist'), JSON.stringify(list));
  }

  async function failing(verb: 'ADD' | 'DEL' | 'GC' | 'STATUS'): Promise<void> {
    await writeFile(join(shim.directory, 'bin', `fail-${verb}`), '');
  }

  async function inside(id: string, ...command: string[]): Promise<string> {
    const { network, uts } = shim.host.sandboxes.get(id)?.namespaces ?? {};
    return (await runProgram('nsenter', [`--net=${network}`, `--uts=${uts}`, ...command], { signal })).trim();
  }

  it('is a namespace of its own with loopback up, its host name set, and its addresses in the status', async () => {
    const id = await shim.runPod();
    expect(await inside(id, 'ip', '-br', 'link', 'show', 'lo')).toMatch(/LOOPBACK,UP/);
    expect(await inside(id, 'hostname')).toBe('web');
    expect((await shim.podStatus(id)).network).toEqual({ ip: '10.88.0.7', additionalIps: [{ ip: 'fd00::7' }] });
    const hosts = shim.host.sandboxes.get(id)?.files['/etc/hosts'] ?? '';
    expect(await readFile(hosts, 'utf8')).toContain('10.88.0.7\tweb\n');
  });

  it('is told who the pod is and which ports of the host are its own', async () => {
    const id = await shim.runPod({
      portMappings: [
        { protocol: Protocol.UDP, containerPort: 53, hostPort: 5353, hostIp: '127.0.0.1' },
        { protocol: Protocol.TCP, containerPort: 80, hostPort: 0 },
      ],
    });
    const [add] = await calls();
    expect(add).toContain(`K8S_POD_NAMESPACE=default;K8S_POD_NAME=web;K8S_POD_INFRA_CONTAINER_ID=${id};K8S_POD_UID=uid-1`);
    const config = JSON.parse(add?.slice(add.indexOf('{')) ?? '');
    expect(config.runtimeConfig).toEqual({
      portMappings: [{ hostPort: 5353, containerPort: 53, protocol: 'udp', hostIP: '127.0.0.1' }],
    });
  });

  it('is refused for a port of the host that no plugin of it maps', async () => {
    const file = join(shim.directory, 'net.d', '10-test.conflist');
    await writeFile(file, JSON.stringify({ cniVersion: '1.0.0', name: 'test', plugins: [{ type: 'testnet' }] }));
    const portMappings = [{ protocol: Protocol.TCP, containerPort: 80, hostPort: 8080 }];
    await expect(shim.runPod({ portMappings })).rejects.toThrow(/pod default\/web: port 8080 .*network test.*portmap/);
    expect(await calls()).toEqual([]);
    expect(shim.leftovers()).toEqual([]);
  });

  it("is told the pods' ranges of addresses, the same ones at DEL", async () => {
    const first = '10.9.0.0/16';
    await shim.runtime.updateRuntimeConfig({ runtimeConfig: { networkConfig: { podCidr: first } } });
    const podSandboxId = await shim.runPod();
    await shim.runtime.updateRuntimeConfig({ runtimeConfig: { networkConfig: { podCidr: '10.10.0.0/16' } } });
    await shim.runtime.stopPodSandbox({ podSandboxId });
    const told = (await calls()).map((call) => JSON.parse(call.slice(call.indexOf('{'))).runtimeConfig);
    expect(told).toEqual([first, first].map((subnet) => ({ portMappings: [], ipRanges: [[{ subnet }]] })));
  });

  it('is left out for a pod of the host network', async () => {
    const namespaceOptions = { network: NamespaceMode.NODE, pid: NamespaceMode.CONTAINER, ipc: NamespaceMode.POD };
    const id = await shim.runPod({ hostname: '', linux: { securityContext: { namespaceOptions } } });
    expect(Object.keys(shim.host.sandboxes.get(id)?.namespaces ?? {})).toEqual(['ipc']);
    expect(await calls()).toEqual([]);
  });

  it('is taken down by StopPodSandbox, which leaves no namespace', async () => {
    const podSandboxId = await shim.runPod();
    await shim.runtime.stopPodSandbox({ podSandboxId });
    expect((await calls()).map((call) => call.split(' ')[0])).toEqual(['ADD', 'DEL']);
    expect(await mountsBelow(shim.directory)).toEqual([]);
    expect((await shim.podStatus(podSandboxId)).network?.ip).toBe('');
  });

  it('is given up while the caller still waits, and the plugin that does not end is named', async () => {
    await writeFile(join(shim.directory, 'bin', 'hang-ADD'), '');
    const failure = shim.runPod({}, { deadlineMs: 13_000 });
    await expect(failure).rejects.toThrow(/CNI plugin testnet, network test, ADD: didn't end within [\d.]+ s and was killed/);
    expect((await calls()).map((call) => call.split(' ')[0])).toEqual(['ADD', 'DEL']);
    expect(await mountsBelow(shim.directory)).toEqual([]);
  });

  it('fails the stop when DEL fails, and the next stop tries again', async () => {
    const podSandboxId = await shim.runPod();
    await failing('DEL');
    await expect(shim.runtime.stopPodSandbox({ podSandboxId })).rejects.toThrow(/CNI plugin testnet, network test, DEL: told to fail/);
    expect((await shim.podStatus(podSandboxId)).state).toBe(PodSandboxState.SANDBOX_NOTREADY);
    await rm(join(shim.directory, 'bin', 'fail-DEL'));
    await shim.runtime.stopPodSandbox({ podSandboxId });
    expect(await mountsBelow(shim.directory)).toEqual([]);
  });

  it('is detached without a namespace where that is gone, as after a reboot', async () => {
    const podSandboxId = await shim.runPod();
    const pins = await mountsBelow(join(shim.run, 'namespaces'));
    await runProgram('umount', pins, { signal });
    await shim.runtime.stopPodSandbox({ podSandboxId });
    expect((await calls()).at(-1)).toMatch(/^DEL eth0 netns= /);
  });

  it.each([
    ['its ADD fails', () => failing('ADD'), /testnet, network test, ADD: told to fail/],
    ['the plugin is missing', () => rm(join(shim.directory, 'bin', 'testnet')), /testnet.*no such executable/],
    ['the plugin prints garbage', () => writeFile(join(shim.directory, 'bin', 'testnet'), '#!/bin/sh\necho hello\n'), /no result: hello/],
    ['there is no configuration', () => rm(join(shim.directory, 'net.d'), { recursive: true }), /no usable CNI network/],
    ['the runtime fails', async () => void shim.host.faults.set('createSandbox', 'throws'), /createSandbox is broken/],
  ])('leaves nothing when %s', async (_what, breakIt, message) => {
    await breakIt();
    await expect(shim.runPod()).rejects.toThrow(message);
    shim.host.faults.clear();
    const { items } = await shim.runtime.listPodSandbox({ filter: undefined });
    // Where DEL can't run either, the sandbox stays to be removed by the client when it can.
    await writeCniPlugins(shim.directory);
    await rm(join(shim.directory, 'bin', 'fail-ADD'), { force: true });
    for (const { id } of items) await shim.runtime.removePodSandbox({ podSandboxId: id });
    expect(shim.leftovers()).toEqual([]);
    expect(await mountsBelow(shim.directory)).toEqual([]);
    await shim.runPod();
  });

  it('appears in the call records, as children of the call that caused them', async () => {
    const records = await recordsOf(await shim.runPod());
    expect(records.map(({ plugin, method }) => `${plugin} ${method}`)).toEqual(['testnet ADD']);
    expect(records[0]?.parentSpanId).toMatch(/^[0-9a-f]{16}$/);
  });

  it('has what its plugins were given and what they printed kept, of those that fail and those that are killed, too', async () => {
    await writeFile(join(shim.directory, 'bin', 'say'), 'thinks about it\n');
    const podSandboxId = await shim.runPod();
    await writeFile(join(shim.directory, 'bin', 'hang-DEL'), '');
    await expect(shim.runtime.stopPodSandbox({ podSandboxId }, { deadlineMs: 2000 })).rejects.toThrow();
    await rm(join(shim.directory, 'bin', 'hang-DEL'));
    await failing('DEL');
    await expect(shim.runtime.stopPodSandbox({ podSandboxId })).rejects.toThrow('told to fail');
    const kept = (await recordsOf(podSandboxId)).map(({ execution }) => execution);
    const file = join(shim.directory, 'bin', 'testnet');
    expect(kept).toMatchObject([
      { file, env: { CNI_COMMAND: 'ADD', CNI_CONTAINERID: podSandboxId }, exitCode: 0, signal: null, stderr: 'thinks about it\n' },
      { file, env: { CNI_COMMAND: 'DEL' }, stdout: '', exitCode: null, signal: 'SIGKILL', stderr: 'thinks about it\n' },
      { file, env: { CNI_COMMAND: 'DEL' }, exitCode: 1, signal: null },
    ]);
    expect(JSON.parse(kept[0]?.stdin ?? '')).toMatchObject({ type: 'testnet', name: 'test' });
    expect(JSON.parse(kept[0]?.stdout ?? '')).toMatchObject({ ips: [{ address: '10.88.0.7/16' }, {}] });
    expect(JSON.parse(kept[2]?.stdout ?? '')).toMatchObject({ msg: 'told to fail' });
  });

  it('survives a restart of the shim, and is taken down by the next one', async () => {
    const podSandboxId = await shim.runPod();
    await shim.restart();
    expect((await shim.podStatus(podSandboxId)).network?.ip).toBe('10.88.0.7');
    expect(await inside(podSandboxId, 'hostname')).toBe('web');
    await shim.runtime.removePodSandbox({ podSandboxId });
    expect(shim.leftovers()).toEqual([]);
  });

  /** Runs two pods, and starts the shim again with one of them ended as by a reboot, and an attachment of `berth cni add` kept. */
  async function reboot(): Promise<{ rebooted: string; living: string }> {
    await configure({ cniVersion: '1.1.0' });
    const rebooted = await shim.runPod();
    const living = await shim.runPod({ metadata: { name: 'other', namespace: 'default', uid: 'uid-2' } });
    await shim.stop();
    const { network = '' } = shim.host.sandboxes.get(rebooted)?.namespaces ?? {};
    await runProgram('umount', [network], { signal });
    const kept = { kind: 'cniCacheV1', networkName: 'test', containerId: 'cnitool-1', ifName: 'eth0', netns: '/proc/self/ns/net' };
    await writeFile(join(shim.root, 'cni/results/test-cnitool-1-eth0'), JSON.stringify(kept));
    await rm(join(shim.directory, 'bin', 'calls'));
    return { rebooted, living };
  }

  /** Moves its configuration to where it is nobody else's: below the root. */
  async function ownConfiguration(): Promise<void> {
    await rename(join(shim.directory, 'net.d'), join(shim.root, 'net.d'));
    await symlink(join(shim.root, 'net.d'), join(shim.directory, 'net.d'));
  }

  it('comes back where its pods have ended in a reboot, and stays that of the others', async () => {
    await ownConfiguration();
    const { rebooted, living } = await reboot();
    await failing('GC');
    await shim.start();
    await expect.poll(calls).toHaveLength(2);
    await rm(join(shim.directory, 'bin', 'fail-GC'));
    const [del = '', gc = ''] = await calls();
    expect(del).toMatch(new RegExp(`^DEL eth0 netns= .*K8S_POD_INFRA_CONTAINER_ID=${rebooted}`));
    expect(gc).toMatch(/^GC {2}netns= /);
    expect(JSON.parse(gc.slice(gc.indexOf('{')))['cni.dev/valid-attachments']).toEqual([
      { containerID: living, ifname: 'eth0' },
      { containerID: 'cnitool-1', ifname: 'eth0' },
    ]);
    expect((await recordsOf(rebooted)).map(({ method }) => method)).toEqual(['ADD', 'DEL']);
    // What a plugin needs may come later than the shim.
    await expect.poll(calls, { timeout: 5000 }).toEqual([del, gc, gc]);
  });

  it('stays that of pods which it knows nothing of, where others may be on the same configuration', async () => {
    const { rebooted } = await reboot();
    await shim.start();
    await expect.poll(calls).toHaveLength(1);
    // An ADD waits for the end of a collection.
    await shim.runPod({ metadata: { name: 'third', namespace: 'default', uid: 'uid-3' } });
    const [del = '', add = '', ...further] = await calls();
    expect(del).toMatch(new RegExp(`^DEL eth0 netns= .*K8S_POD_INFRA_CONTAINER_ID=${rebooted}`));
    expect(add).toMatch(/^ADD /);
    expect(further).toEqual([]);
  });

  it('is not ready while its plugins say so', async () => {
    await configure({ cniVersion: '1.1.0' });
    await failing('STATUS');
    const conditions = async () => (await shim.runtime.status({ verbose: false })).status?.conditions;
    expect(await conditions()).toMatchObject([
      { type: 'RuntimeReady', status: true },
      { type: 'NetworkReady', status: false, message: 'CNI plugin testnet, network test, STATUS: told to fail (code 100)' },
    ]);
    await rm(join(shim.directory, 'bin', 'fail-STATUS'));
    await configure({ cniVersion: '1.1.0', note: 'changed' });
    expect((await conditions())?.[1]).toMatchObject({ status: true });
    expect((await calls()).map((call) => call.split(' ')[0])).toEqual(['STATUS', 'STATUS']);
  });

  it('is the one of a directory that was changed, removed and made anew, at once', async () => {
    const networkOf = async (id: string) => JSON.parse((await recordsOf(id))[0]?.execution?.stdin ?? '{}').name;
    await configure({ name: 'changed' });
    expect(await networkOf(await shim.runPod({ metadata: { name: 'one', namespace: 'default', uid: 'u1' } }))).toBe('changed');
    const directory = join(shim.directory, 'net.d');
    await rm(directory, { recursive: true });
    await expect(shim.runPod()).rejects.toThrow('no usable CNI network');
    await mkdir(directory);
    await configure({ name: 'anew' });
    expect(await networkOf(await shim.runPod({ metadata: { name: 'two', namespace: 'default', uid: 'u2' } }))).toBe('anew');
  });

  it('leaves an empty run directory to nobody', async () => {
    const podSandboxId = await shim.runPod();
    await shim.runtime.removePodSandbox({ podSandboxId });
    await shim.stop();
    expect(existsSync(join(shim.run, 'namespaces'))).toBe(false);
    await shim.start();
  });
});
