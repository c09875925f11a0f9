import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { ContainerStatus } from '@berth/api/objects';
import type { Explanation } from '@berth/kubelet/explanation';
import { beforeAll, describe, expect, it } from 'vitest';
import { KubeletClient } from '../../packages/cli/src/node/kubelet-client.ts';
import { BerthHome } from '../fixtures/berth.ts';
import { describeOnEachRuntime } from '../fixtures/node-on-runtime.ts';
import { repository } from '../fixtures/tools.ts';

const examples = ['probes', 'hooks', 'qos'].flatMap((name) => ['-f', join(repository, `examples/${name}.yaml`)]);

/** Pods that don't get where they want to, and one that leaves a note behind. `notes` is a directory of the host. */
const manifests = (notes: string) => `
apiVersion: v1
kind: Pod
metadata: {name: unready}
spec:
  terminationGracePeriodSeconds: 1
  containers:
    - {name: main, image: "localhost/busybox:1", command: [sleep, "600"], readinessProbe: {httpGet: {port: 81}, periodSeconds: 1}}
---
apiVersion: v1
kind: Pod
metadata: {name: gated}
spec:
  terminationGracePeriodSeconds: 1
  readinessGates: [{conditionType: example.org/registered}]
  containers: [{name: main, image: "localhost/busybox:1", command: [sleep, "600"]}]
---
apiVersion: v1
kind: Pod
metadata: {name: unhooked}
spec:
  restartPolicy: Never
  terminationGracePeriodSeconds: 1
  containers:
    - name: main
      image: localhost/busybox:1
      command: [sleep, "600"]
      lifecycle: {postStart: {exec: {command: [sh, -c, exit 3]}}}
---
apiVersion: v1
kind: Pod
metadata: {name: imageless}
spec:
  containers: [{name: main, image: "localhost/nowhere:1", imagePullPolicy: Never}]
---
apiVersion: v1
kind: Pod
metadata: {name: noted}
spec:
  terminationGracePeriodSeconds: 5
  volumes: [{name: notes, hostPath: {path: ${notes}, type: DirectoryOrCreate}}]
  initContainers:
    - name: proxy
      image: localhost/busybox:1
      restartPolicy: Always
      command: [sh, -c, "trap 'exit 0' TERM; sleep 600 & wait $!"]
      lifecycle: {preStop: {exec: {command: [sh, -c, echo proxy >> /notes/stops]}}}
      volumeMounts: [{name: notes, mountPath: /notes}]
  containers:
    - name: main
      image: localhost/busybox:1
      command: [sh, -c, "trap 'echo TERM >> /notes/stops; exit 0' TERM; sleep 600 & wait $!"]
      lifecycle: {preStop: {exec: {command: [sh, -c, echo preStop >> /notes/stops]}}}
      volumeMounts: [{name: notes, mountPath: /notes}]
`;

describeOnEachRuntime({ about: 'probes, hooks and explanations' }, (node) => {
  let notes: string;

  beforeAll(async () => {
    notes = join(node.home.directory, 'notes');
    await node.run([...examples, '-f', node.home.write('pods.yaml', manifests(notes))], /starting a node/);
  });

  const ready = async (name: string) => (await node.statusOf(name))?.conditions?.find(({ type }) => type === 'Ready');

  async function explain(name: string): Promise<Explanation> {
    const client = new KubeletClient(node.home);
    try {
      return await client.explain('default', name);
    } finally {
      await client.close();
    }
  }

  it('a pod is ready when its startup, readiness and liveness probes say so', async () => {
    await expect.poll(() => ready('probes'), { timeout: 60_000 }).toMatchObject({ status: 'True' });
    expect((await node.home.berth('logs', 'probes')).stdout).toBe('web: warmed up\n');
    const { summary, steps } = JSON.parse((await node.home.berth('explain', 'probes', '-o', 'json')).stdout) as Explanation;
    expect(summary).toMatch(/^runs and is ready since/);
    expect(steps.map(({ name, state }) => `${name} ${state}`).join(', ')).toMatch(
      /sandbox done, image done, created done, running done, started done, ready done$/,
    );
  });

  it('a container whose liveness probe fails is restarted', async () => {
    await expect.poll(async () => (await node.containerOf('liveness'))?.restartCount, { timeout: 60_000 }).toBeGreaterThan(0);
    const { lastState } = (await node.containerOf('liveness')) as ContainerStatus;
    expect(lastState?.terminated).toBeDefined();
    expect((await node.home.berth('logs', 'liveness', '--previous')).stdout).toContain('main: ill');
  });

  it('a probe that nobody answers leaves the pod unready, and says what it met', async () => {
    await expect
      .poll(async () => (await explain('unready')).summary, { timeout: 30_000 })
      .toMatch(/readiness probe failed .*connection refused/);
    expect(await ready('unready')).toMatchObject({ status: 'False', message: 'containers with unready status: [main]' });
  });

  it('a readiness gate stays closed as long as nobody opens it', async () => {
    await expect
      .poll(() => ready('gated'), { timeout: 30_000 })
      .toMatchObject({
        status: 'False',
        message: 'corresponding condition of pod readiness gate "example.org/registered" does not exist.',
      });
  });

  it('postStart has run before its container counts as running', async () => {
    await expect.poll(() => ready('hooks'), { timeout: 30_000 }).toMatchObject({ status: 'True' });
    const page = await fetch(`http://${(await node.statusOf('hooks'))?.podIP}/`);
    expect(await page.text()).toBe('written by postStart\n');
  });

  it('postStart that fails ends its container', async () => {
    await expect.poll(async () => (await node.statusOf('unhooked'))?.phase, { timeout: 30_000 }).toBe('Failed');
  });

  it('says how to load an image that may not be pulled', async () => {
    await expect.poll(async () => (await explain('imageless')).summary, { timeout: 30_000 }).toContain('ErrImageNeverPull');
    expect((await explain('imageless')).steps.find(({ state }) => state === 'failed')).toMatchObject({
      name: 'image',
      container: 'main',
      cure: 'load localhost/nowhere:1 with "berth image load FILE", or change imagePullPolicy from Never to IfNotPresent',
    });
    expect((await node.home.berth('explain', 'nobody')).stderr).toContain('no such pod on this node');
  });

  it('gives each pod its quality-of-service class', async () => {
    await expect.poll(() => ready('besteffort'), { timeout: 30_000 }).toMatchObject({ status: 'True' });
    const classes = (await node.pods()).map(({ metadata, status }) => [metadata?.name, status?.qosClass]);
    expect(classes).toEqual(
      expect.arrayContaining([
        ['guaranteed', 'Guaranteed'],
        ['burstable', 'Burstable'],
        ['besteffort', 'BestEffort'],
      ]),
    );
  });

  it('preStop runs before its container is asked to end, a sidecar has its own', async () => {
    await expect.poll(() => ready('noted'), { timeout: 30_000 }).toMatchObject({ status: 'True' });
    await node.interrupt();
    const stops = readFileSync(join(notes, 'stops'), 'utf8').trim().split('\n');
    // Hooks of all containers begin at once; only the signals go in order.
    expect(stops.toSorted()).toEqual(['TERM', 'preStop', 'proxy']);
    expect(stops.indexOf('preStop')).toBeLessThan(stops.indexOf('TERM'));
  });
});

describe('probes on the fake', () => {
  it('find what the annotations say: answers of commands in turn, and an address that somebody serves', async () => {
    const asked: (string | undefined)[] = [];
    const server = createServer((request, response) => {
      asked.push(request.headers['user-agent']);
      response.end('here');
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    const home = new BerthHome();
    const manifest = `
apiVersion: v1
kind: Pod
metadata:
  name: asked
  annotations: {fake.berth.dev/exec-exit-code: "1,1,0", fake.berth.dev/address: 127.0.0.1}
spec:
  containers:
    - name: main
      image: a:1
      startupProbe: {exec: {command: [any]}, periodSeconds: 1}
      readinessProbe: {httpGet: {port: ${port}}}
`;
    const ended = await home.berth('run', '--once', '--runtime', 'fake', '-f', home.write('pod.yaml', manifest));
    server.close();
    home.remove();
    expect(ended).toMatchObject({ status: 0, stderr: '' });
    expect(ended.stdout).toContain('pod asked has the address 127.0.0.1');
    expect(asked[0]).toMatch(/^kube-probe\//);
  });
});
