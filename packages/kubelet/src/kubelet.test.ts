import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Pod } from '@berth/api/objects';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { containerStatus, isReady, podYaml, TestNode } from '../testing/node.ts';

const repository = join(import.meta.dirname, '../../..');

let node: TestNode;

beforeEach(async () => {
  node = await TestNode.create();
  await mkdir(join(node.root, 'manifests'));
});

afterEach(() => node.remove());

async function example(name: string): Promise<void> {
  await node.write(`manifests/${name}.yaml`, await readFile(join(repository, 'examples', `${name}.yaml`), 'utf8'));
}

describe('the example pods', () => {
  it('two containers that share an emptyDir get the same directory', async () => {
    await example('sidecar');
    await node.kubelet.start();
    const pod = await node.until('sidecar', isReady);
    expect(pod.status).toMatchObject({ phase: 'Running', podIP: '10.9.0.2', qosClass: 'BestEffort' });
    const mounts = [...node.runtime.containers.values()].map(({ config }) => config.mounts[0]);
    expect(mounts[0]?.hostPath).toBe(mounts[1]?.hostPath);
    expect(mounts.map((mount) => mount?.readonly)).toEqual([false, true]);
    expect((await stat(mounts[0]?.hostPath ?? '')).isDirectory()).toBe(true);
  });

  it('the init container ends before the main container is made, and the pod succeeds', async () => {
    node.runtime.behaviours.set('copy', { exitAfterMs: 50 });
    node.runtime.behaviours.set('main', { exitAfterMs: 50 });
    await example('init');
    await node.kubelet.start();
    const pod = await node.until('init', ({ status }) => status?.phase === 'Succeeded');
    const made = node.runtime.calls.filter((call) => /Create|Start/.test(call));
    expect(made).toEqual(['CreateContainer copy', 'StartContainer copy', 'CreateContainer main', 'StartContainer main']);
    expect(containerStatus(pod, 'main')?.state?.terminated).toMatchObject({ exitCode: 0, reason: 'Completed' });
  });

  it('a counter with two sidecars becomes ready', async () => {
    await example('counter');
    await node.kubelet.start();
    const pod = await node.until('counter', isReady);
    expect(pod.status?.containerStatuses?.map(({ ready, restartCount }) => [ready, restartCount])).toEqual([
      [true, 0],
      [true, 0],
      [true, 0],
    ]);
  });
});

describe('stop', () => {
  it('gracefully ends every pod and leaves nothing of it', async () => {
    await example('sidecar');
    await node.kubelet.start();
    await node.until('sidecar', isReady);
    expect(await node.kubelet.stop({ removePods: true })).toEqual([]);
    expect(node.runtime.calls.slice(-4).toSorted()).toEqual([
      'RemoveContainer content',
      'RemoveContainer web',
      'RemovePodSandbox sidecar',
      'StopPodSandbox sidecar',
    ]);
    expect([node.runtime.sandboxes.size, node.runtime.containers.size]).toEqual([0, 0]);
    expect([await readdir(join(node.root, 'kubelet/pods')), await readdir(join(node.root, 'logs'))]).toEqual([[], []]);
    expect(existsSync(node.socket)).toBe(false);
  });

  it('in the middle of RunPodSandbox leaves no sandbox', async () => {
    const asked = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<void>();
    node.runtime.faults.set('RunPodSandbox', () => {
      asked.resolve();
      return answer.promise;
    });
    await example('sidecar');
    await node.kubelet.start();
    await asked.promise;
    const stopped = node.kubelet.stop({ removePods: true });
    answer.resolve();
    expect(await stopped).toEqual([]);
    expect([node.runtime.sandboxes.size, node.runtime.calls.includes('RemovePodSandbox sidecar')]).toEqual([0, true]);
  });

  it('hurried cuts the grace period short', async () => {
    node.runtime.behaviours.set('main', { ignoresStop: true });
    await node.write('manifests/a.yaml', podYaml('a', '  terminationGracePeriodSeconds: 600\n  containers: [{name: main, image: a}]\n'));
    await node.kubelet.start();
    await node.until('a', isReady);
    const hurry = new AbortController();
    const stopped = node.kubelet.stop({ removePods: true, hurry: hurry.signal });
    hurry.abort();
    expect(await stopped).toEqual([]);
    expect(node.runtime.containers.size).toBe(0);
  });
});

describe('a restart of the kubelet', () => {
  it('takes over running pods and restarts nothing', async () => {
    await example('sidecar');
    await node.kubelet.start();
    await node.until('sidecar', isReady);
    await node.kubelet.stop({ removePods: false });
    const before = [...node.runtime.calls];
    node.replaceKubelet();
    await node.kubelet.start();
    await node.until('sidecar', isReady);
    expect(node.runtime.calls).toEqual(before);
  });

  it('goes on counting restarts', async () => {
    await node.write('manifests/a.yaml', podYaml('a', '  containers: [{name: main, image: a}]\n'));
    await node.kubelet.start();
    await node.until('a', isReady);
    node.runtime.exit('main', 1);
    await node.until('a', (pod) => isReady(pod) && containerStatus(pod, 'main')?.restartCount === 1);
    await node.kubelet.stop({ removePods: false });
    node.replaceKubelet();
    await node.kubelet.start();
    const pod = await node.until('a', isReady);
    expect(containerStatus(pod, 'main')).toMatchObject({ restartCount: 1, lastState: { terminated: { exitCode: 1, reason: 'Error' } } });
  });

  it('ends pods that no source has any more', async () => {
    await example('sidecar');
    await node.kubelet.start();
    await node.until('sidecar', isReady);
    await node.kubelet.stop({ removePods: false });
    await rm(join(node.root, 'manifests/sidecar.yaml'));
    await example('counter');
    node.replaceKubelet();
    await node.kubelet.start();
    await node.until('counter', () => node.runtime.sandboxes.size === 1 && node.runtime.calls.includes('RemovePodSandbox sidecar'));
  });
});

describe('two pods with the same port of the host', () => {
  const containers = '  containers: [{name: main, image: a, ports: [{containerPort: 80, hostPort: 8080}]}]\n';
  const isFailed = ({ status }: Pod) => status?.phase === 'Failed';

  it('the first runs, and the second is refused and says why', async () => {
    await node.write('manifests/a.yaml', podYaml('a', containers));
    await node.write('manifests/b.yaml', podYaml('b', containers));
    await node.kubelet.start();
    const second = await node.until('b', isFailed);
    expect(second.status).toMatchObject({ reason: 'NodePorts', message: expect.stringMatching(/8080\/TCP .*default\/a/) });
    await node.until('a', isReady);
    expect(node.runtime.sandboxes.size).toBe(1);
  });

  it('a restart of the kubelet takes it from nobody', async () => {
    await node.write('manifests/b.yaml', podYaml('b', containers));
    await node.kubelet.start();
    await node.until('b', isReady);
    await node.kubelet.stop({ removePods: false });
    await node.write('manifests/a.yaml', podYaml('a', containers));
    node.replaceKubelet();
    await node.kubelet.start();
    await node.until('a', isFailed);
    await node.until('b', isReady);
    expect(node.runtime.calls.filter((call) => /PodSandbox/.test(call))).toEqual(['RunPodSandbox b']);
  });

  it('a pod gets one that its holder has given up', async () => {
    node.runtime.behaviours.set('main', { exitAfterMs: 50 });
    await node.write('manifests/a.yaml', podYaml('a', `  restartPolicy: Never\n${containers}`));
    await node.kubelet.start();
    await node.until('a', ({ status }) => status?.phase === 'Succeeded');
    node.runtime.behaviours.delete('main');
    await node.write('manifests/b.yaml', podYaml('b', containers));
    await node.until('b', isReady);
  });
});

describe('pods come and go', () => {
  it('a pod whose file is removed ends', async () => {
    await example('sidecar');
    await node.kubelet.start();
    await node.until('sidecar', isReady);
    const gone = Promise.withResolvers<void>();
    node.kubelet.onStatus(() => node.pod('sidecar') === undefined && gone.resolve());
    await rm(join(node.root, 'manifests/sidecar.yaml'));
    await gone.promise;
    expect(node.runtime.sandboxes.size).toBe(0);
  });

  it('a changed file ends the pod before its successor starts', async () => {
    await node.write('manifests/a.yaml', podYaml('a', '  containers: [{name: main, image: "a:1"}]\n'));
    await node.kubelet.start();
    const first = await node.until('a', isReady);
    await node.write('manifests/a.yaml', podYaml('a', '  containers: [{name: main, image: "a:2"}]\n'));
    await node.until('a', (pod) => isReady(pod) && pod.metadata?.uid !== first.metadata?.uid);
    const order = node.runtime.calls.filter((call) => /PodSandbox/.test(call));
    expect(order).toEqual(['RunPodSandbox a', 'StopPodSandbox a', 'RemovePodSandbox a', 'RunPodSandbox a']);
  });

  it('a dead sandbox is replaced, and the containers are started again in the new one', async () => {
    await node.write('manifests/a.yaml', podYaml('a', '  containers: [{name: main, image: a}]\n'));
    await node.kubelet.start();
    await node.until('a', isReady);
    node.runtime.killSandboxes();
    const pod = await node.until('a', (candidate) => isReady(candidate) && containerStatus(candidate, 'main')?.restartCount === 1);
    expect(pod.status?.phase).toBe('Running');
  });
});
