import { randomBytes } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { PluginError } from '@berth/sdk/errors';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { containerStatus, isReady, podYaml, TestNode } from '../testing/node.ts';
import { type Clock, systemClock } from './clock.ts';

const simple = (name: string, more = '') => podYaml(name, `${more}  containers: [{name: main, image: "registry.test/a:1"}]\n`);

let node: TestNode;

beforeEach(async () => {
  node = await TestNode.create({ runtimeRequestTimeoutMs: 400 });
  await mkdir(join(node.root, 'manifests'));
});

afterEach(() => node.remove());

describe('a runtime that', () => {
  it('is not there is named with its socket, and the pod runs once it is', async () => {
    await node.runtime.close();
    await node.write('manifests/a.yaml', simple('a'));
    await node.kubelet.start();
    const message = await node.untilHeldUp('a', 'RuntimeUnavailable');
    expect(message).toMatch(/^RuntimeUnavailable: runtime timer: .*cri\.sock: the socket file doesn't exist/);
    expect(node.pod('a')?.status).not.toHaveProperty('reason');
    await node.runtime.open();
    const ready = await node.until('a', isReady);
    expect(ready.status).not.toHaveProperty('message');
  });

  it('was never there does not hold up the end of the kubelet', async () => {
    await node.runtime.close();
    await node.write('manifests/a.yaml', simple('a'));
    await node.kubelet.start();
    await node.untilHeldUp('a', 'RuntimeUnavailable');
    expect(await node.kubelet.stop({ removePods: true })).toEqual([]);
    await node.runtime.open();
  });

  it('goes away for good is told by stop for each pod that it has', async () => {
    await node.write('manifests/a.yaml', simple('a'));
    await node.kubelet.start();
    await node.until('a', isReady);
    await node.runtime.close();
    expect(await node.kubelet.stop({ removePods: true })).toEqual([
      expect.stringMatching(/^pod default\/a didn't end: runtime timer: .*cri\.sock/),
    ]);
    await node.runtime.open();
  });

  it('goes away while it stops a container, and comes back, is waited for', async () => {
    let agedMs = 0;
    const clock: Clock = { ...systemClock, now: () => new Date(Date.now() + agedMs) };
    await node.remove();
    node = await TestNode.create({ clock });
    await mkdir(join(node.root, 'manifests'));
    await node.write('manifests/a.yaml', simple('a'));
    await node.kubelet.start();
    await node.until('a', isReady);
    node.runtime.faults.set('StopContainer', async () => {
      agedMs += 3_600_000;
      node.runtime.faults.clear();
      void node.runtime.close().then(() => node.runtime.open());
      await new Promise(() => {});
    });
    expect(await node.kubelet.stop({ removePods: true })).toEqual([]);
  });

  it('loses a sandbox while it is asked about it has another made at once, and nothing is told as a failure', async () => {
    await node.write('manifests/a.yaml', simple('a'));
    node.runtime.faults.set('PodSandboxStatus', () => {
      node.runtime.faults.clear();
      node.runtime.sandboxes.clear();
    });
    await node.kubelet.start();
    await node.until('a', isReady);
    expect(node.runtime.calls.filter((call) => call === 'RunPodSandbox a')).toHaveLength(2);
    expect(node.kubelet.events().filter(({ type }) => type === 'Warning')).toEqual([]);
  });

  it('goes away leaves the status of a running pod as it was last seen, and comes back without a restart', async () => {
    await node.write('manifests/a.yaml', simple('a'));
    await node.kubelet.start();
    await node.until('a', isReady);
    await node.runtime.close();
    await node.write('manifests/b.yaml', simple('b'));
    await node.untilHeldUp('b', 'RuntimeUnavailable');
    expect(node.pod('a')?.status?.containerStatuses?.[0]?.state?.running).toBeDefined();
    await node.runtime.open();
    await node.until('b', isReady);
    expect(node.runtime.calls.filter((call) => call === 'RunPodSandbox a')).toHaveLength(1);
  });

  it('dies in the middle of RunPodSandbox is told, and the pod runs in the end', async () => {
    let deaths = 1;
    node.runtime.faults.set('RunPodSandbox', async () => {
      if (deaths-- <= 0) return;
      void node.runtime.close().then(() => node.runtime.open());
      await new Promise(() => {});
    });
    await node.write('manifests/a.yaml', simple('a'));
    await node.kubelet.start();
    await node.until('a', isReady);
    expect(node.kubelet.events().map(({ reason }) => reason)).toContain('FailedCreatePodSandBox');
  });

  it.each(['RunPodSandbox', 'CreateContainer', 'StartContainer'])(
    'hangs in %s is named with call and deadline, and the pod runs once it answers',
    async (rpc) => {
      node.runtime.faults.set(
        rpc,
        ({ signal }) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
      );
      await node.write('manifests/a.yaml', simple('a'));
      await node.kubelet.start();
      const told = new RegExp(`runtime timer: ${rpc} on unix://.*no answer within 400 ms`);
      await node.until('a', (pod) => {
        const [main] = pod.status?.containerStatuses ?? [];
        return told.test(`${pod.status?.message} ${main?.state?.waiting?.message}`);
      });
      node.runtime.faults.delete(rpc);
      await node.until('a', isReady);
    },
  );

  it('hangs when it is asked what it has of a pod is named by the explanation, with the call', async () => {
    let agedMs = 0;
    node.replaceKubelet({ runtimeRequestTimeoutMs: 5000, clock: { ...systemClock, now: () => new Date(Date.now() + agedMs) } });
    node.runtime.faults.set('ListPodSandbox', ({ signal }) => new Promise((_, reject) => signal.addEventListener('abort', reject)));
    await node.write('manifests/a.yaml', simple('a'));
    await node.kubelet.start();
    const pod = await node.until('a', () => true);
    const explained = () => node.kubelet.explain(pod);
    expect(explained().steps.find(({ state }) => state === 'now')?.detail).toBe('making directories');
    agedMs = 3000;
    await expect.poll(() => explained().summary).toContain('the runtime timer has not answered ListPodSandbox since');
    expect(explained().steps.find(({ state }) => state === 'now')).toMatchObject({
      name: 'volumes',
      call: { plugin: 'timer', method: 'ListPodSandbox' },
      cure: expect.stringContaining('the process of the runtime timer'),
    });
  });

  it('hangs holds up no other pod', async () => {
    node.replaceKubelet({ runtimeRequestTimeoutMs: 5000 });
    node.runtime.faults.set('CreateContainer', ({ signal }) =>
      node.runtime.calls.filter((call) => call.startsWith('CreateContainer')).length === 1
        ? new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
        : undefined,
    );
    await node.write('manifests/a.yaml', simple('a'));
    await node.kubelet.start();
    await node.until('a', () => node.runtime.calls.includes('CreateContainer main'));
    await node.write('manifests/b.yaml', simple('b'));
    await node.until('b', isReady, 4500);
  });

  it('fails to stop a pod is told, and asked again until it has', async () => {
    node.runtime.faults.set('StopPodSandbox', () => {
      throw new PluginError('INTERNAL', 'out of rope');
    });
    await node.write('manifests/a.yaml', simple('a'));
    await node.kubelet.start();
    await node.until('a', isReady);
    const stopped = node.kubelet.stop({ removePods: true });
    const message = await node.untilHeldUp('a', 'FailedKillPod');
    expect(message).toContain('out of rope');
    node.runtime.faults.clear();
    expect(await stopped).toEqual([]);
  });
});

describe('an image that', () => {
  it("can't be pulled is named in the container's status, first as ErrImagePull, then as ImagePullBackOff", async () => {
    node.runtime.faults.set('PullImage', () => {
      throw new PluginError('NOT_FOUND', 'no such tag', { object: 'registry.test/a:1' });
    });
    await node.write('manifests/a.yaml', simple('a'));
    await node.kubelet.start();
    const waiting = (reason: string) => node.until('a', (pod) => containerStatus(pod, 'main')?.state?.waiting?.reason === reason);
    const failed = await waiting('ErrImagePull');
    expect(containerStatus(failed, 'main')?.state?.waiting?.message).toMatch(
      /"registry\.test\/a:1".*runtime timer: PullImage.*no such tag/,
    );
    expect(failed.status).toMatchObject({ phase: 'Pending' });
    const backsOff = await waiting('ImagePullBackOff');
    expect(containerStatus(backsOff, 'main')?.state?.waiting?.message).toContain('registry.test/a:1');
    node.runtime.faults.clear();
    await node.until('a', isReady);
  });
});

describe('a pod that', () => {
  it('names an unknown RuntimeClass fails with the known ones, and the other pods run', async () => {
    await node.write('manifests/a.yaml', simple('a', '  runtimeClassName: nope\n'));
    await node.write('manifests/b.yaml', simple('b'));
    await node.kubelet.start();
    await node.until('b', isReady);
    const pod = await node.until('a', ({ status }) => status?.phase === 'Failed');
    expect(pod.status).toMatchObject({ reason: 'RuntimeClassNotFound', message: expect.stringContaining('"nope" not found') });
    expect(node.runtime.calls).not.toContain('RunPodSandbox a');
  });

  it('names a PriorityClass that only an API server could know runs, with an event that says so once', async () => {
    await node.write('manifests/a.yaml', simple('a', '  priorityClassName: mine\n'));
    await node.kubelet.start();
    await node.until('a', isReady);
    const warnings = node.kubelet.events().filter(({ type }) => type === 'Warning');
    expect(warnings).toMatchObject([{ reason: 'PriorityClassNotFound', message: expect.stringContaining('name mine is'), count: 1 }]);
  });

  it('asks for a volume of the network fails with the field, and nothing is made for it', async () => {
    await node.write('manifests/a.yaml', simple('a', '  volumes: [{name: keys, nfs: {server: a, path: /a}}]\n'));
    await node.kubelet.start();
    const pod = await node.until('a', ({ status }) => status?.phase === 'Failed');
    expect(pod.status).toMatchObject({ reason: 'Unsupported', message: expect.stringContaining('spec.volumes[0].nfs') });
    expect(node.runtime.calls).toEqual([]);
  });

  it.each<[fault: string, name: string, logs: 'directory' | 'file']>([
    ['is called so that its log directory has too long a name', 'a'.repeat(240), 'directory'],
    ['finds a file where the logs are to be', 'a', 'file'],
  ])('%s is told so, and ends once its manifest goes', async (_fault, name, logs) => {
    await node.kubelet.start();
    if (logs === 'file') {
      await rm(join(node.root, 'logs'), { recursive: true });
      await node.write('logs', '');
    }
    await node.write('manifests/a.yaml', simple(name));
    await expect.poll(() => node.kubelet.events().map(({ reason }) => reason)).toContain('FailedCreatePodDirectory');
    await rm(join(node.root, 'manifests/a.yaml'));
    await expect.poll(() => node.pod(name)).toBeUndefined();
  });

  it('mounts a hostPath of the wrong type waits with the volume and the path', async () => {
    await node.write('manifests/a.yaml', simple('a', '  volumes: [{name: data, hostPath: {path: /nowhere/at/all, type: Directory}}]\n'));
    await node.kubelet.start();
    const message = await node.untilHeldUp('a', 'FailedMount');
    expect(message).toMatch(/"data".*\/nowhere\/at\/all doesn't exist/);
    const { status } = await node.until('a', () => true);
    expect(status).not.toHaveProperty('reason');
    expect(status?.containerStatuses?.[0]?.state).toEqual({ waiting: { reason: 'ContainerCreating' } });
  });

  it('fails to start with another id in the message each time has one event that counts up', async () => {
    node.runtime.faults.set('StartContainer', () => {
      throw new PluginError('UNKNOWN', `container ${randomBytes(32).toString('hex')}: exec: "nope": not found`);
    });
    await node.write('manifests/a.yaml', simple('a'));
    await node.kubelet.start();
    const failures = () => node.kubelet.events().filter(({ reason }) => reason === 'Failed');
    await expect.poll(() => failures()[0]?.count).toBeGreaterThan(1);
    expect(failures()).toMatchObject([
      { message: expect.stringMatching(/^Error: RunContainerError: .* container main: exec: "nope": not found$/) },
    ]);
  });

  it('crashes waits longer each time before it is started again', async () => {
    node.runtime.behaviours.set('main', { exitAfterMs: 5, exitCode: 3 });
    await node.write('manifests/a.yaml', simple('a'));
    await node.kubelet.start();
    const pod = await node.until('a', (candidate) => containerStatus(candidate, 'main')?.state?.waiting?.reason === 'CrashLoopBackOff');
    expect(containerStatus(pod, 'main')).toMatchObject({ ready: false, lastState: { terminated: { exitCode: 3 } } });
    await node.until('a', (candidate) => (containerStatus(candidate, 'main')?.restartCount ?? 0) >= 3);
    expect(node.runtime.containers.size).toBeLessThanOrEqual(2);
  });
});

describe('a runtime on demand', () => {
  it('is left alone until a pod asks for it, and tried again where it does not come up', async () => {
    await node.remove();
    const calls: string[] = [];
    node = await TestNode.create({
      onDemand: (runtime) => ({
        started: false,
        async start() {
          calls.push('start');
          if (calls.length === 1) throw new PluginError('UNAVAILABLE', 'no such machine', { object: 'runtime timer' });
          if (!this.started) await runtime.open();
          Object.assign(this, { started: true });
        },
      }),
    });
    await node.runtime.close();
    await mkdir(join(node.root, 'manifests'));
    node.runtime.faults.set('ListPodSandbox', () => void calls.push('list'));
    await node.kubelet.start();
    await node.write('manifests/a.yaml', simple('a'));
    const message = await node.untilHeldUp('a', 'RuntimeUnavailable');
    expect(message).toBe('RuntimeUnavailable: runtime timer: no such machine');
    await node.until('a', isReady);
    expect(calls.slice(0, 2)).toEqual(['start', 'start']);
  });
});
