import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Pod } from '@berth/api/objects';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { BerthHome, exampleImage, type Running } from '../fixtures/berth.ts';
import { containerdMissing } from '../fixtures/containerd.ts';
import { type CriServer, startContainerd } from '../fixtures/cri-servers.ts';
import { nodeMissing, skipIfMissing } from '../fixtures/node-requirements.ts';

const manifest = `
apiVersion: v1
kind: Pod
metadata: {name: guaranteed}
spec:
  terminationGracePeriodSeconds: 0
  containers: [{name: main, image: "localhost/busybox:1", command: [sleep, "600"], resources: {limits: {cpu: 100m, memory: 32Mi}}}]
---
apiVersion: v1
kind: Pod
metadata: {name: burstable}
spec:
  terminationGracePeriodSeconds: 0
  containers: [{name: main, image: "localhost/busybox:1", command: [sleep, "600"], resources: {requests: {cpu: 250m}}}]
---
apiVersion: v1
kind: Pod
metadata: {name: besteffort}
spec:
  terminationGracePeriodSeconds: 0
  containers: [{name: main, image: "localhost/busybox:1", command: [sleep, "600"]}]
---
apiVersion: v1
kind: Pod
metadata: {name: greedy}
spec:
  restartPolicy: Never
  containers: [{name: main, image: "localhost/busybox:1", command: [tail, /dev/zero], resources: {limits: {memory: 16Mi}}}]
---
apiVersion: v1
kind: Pod
metadata: {name: too-big}
spec:
  containers: [{name: main, image: "localhost/busybox:1", resources: {requests: {cpu: "10000"}}}]
---
apiVersion: v1
kind: Pod
metadata: {name: elsewhere}
spec:
  nodeSelector: {disk: of-gold}
  containers: [{name: main, image: "localhost/busybox:1"}]
`;

/** A node per runtime with all pods at once. */
const runtimes = [
  ['runc', nodeMissing],
  ['containerd', () => nodeMissing() ?? containerdMissing()],
] as const;

describe.each(runtimes)('pods with resources on %s', (handler, missing) => {
  let home: BerthHome;
  let node: Running;
  let containerd: CriServer | undefined;
  let pods: Pod[];

  beforeEach(skipIfMissing(missing));

  beforeAll(async () => {
    if (missing()) return;
    containerd = handler === 'containerd' ? await startContainerd() : undefined;
    home = new BerthHome(containerd ? { runtimes: [{ handler, endpoint: containerd.endpoint }] } : {});
    const image = containerd ? [] : ['--image', exampleImage];
    node = home.start(['run', ...image, '-f', home.write('pods.yaml', manifest)]);
    await node.says(/the node goes on/);
    const listed = await home.berth('ps', '-o', 'json');
    pods = JSON.parse(listed.stdout) as Pod[];
  });

  afterAll(async () => {
    if (missing()) return;
    await node.interrupt();
    expect(cgroups('')).toEqual([]);
    await containerd?.stop();
    home.remove();
  });

  const pod = (name: string) => pods.find(({ metadata }) => metadata?.name === name);
  const uid = (name: string) => pod(name)?.metadata?.uid ?? 'none';
  /** A cgroup below the node's, in each hierarchy that has it. */
  const cgroups = (path: string) => globSync([`/sys/fs/cgroup/${home.name}${path}`, `/sys/fs/cgroup/*/${home.name}${path}`]);
  const value = (path: string, ...files: string[]) =>
    cgroups(path)
      .flatMap((directory) => files.map((file) => join(directory, file)))
      .filter((file) => existsSync(file))
      .map((file) => readFileSync(file, 'utf8').trim());

  it('have cgroups of their class, with the values of their requests and limits', () => {
    const guaranteed = `/kubepods/pod${uid('guaranteed')}`;
    expect(value(guaranteed, 'memory.limit_in_bytes', 'memory.max')).toEqual(['33554432']);
    expect(value(guaranteed, 'cpu.cfs_quota_us', 'cpu.max')[0]).toMatch(/^10000( 100000)?$/);
    expect(value(guaranteed, 'cpu.shares', 'cpu.weight')[0]).toMatch(/^(102|4)$/);
    expect(value(`/kubepods/burstable/pod${uid('burstable')}`, 'cpu.shares', 'cpu.weight')[0]).toMatch(/^(256|10)$/);
    expect(value(`/kubepods/besteffort/pod${uid('besteffort')}`, 'cpu.shares', 'cpu.weight')[0]).toMatch(/^[21]$/);
    expect(value('/kubepods/besteffort', 'cpu.shares', 'cpu.weight')[0]).toMatch(/^[21]$/);
  });

  it('weigh in their class as much as they request', async () => {
    await expect.poll(() => value('/kubepods/burstable', 'cpu.shares', 'cpu.weight')[0]).toMatch(/^(256|10)$/);
  });

  it('run in these cgroups', () => {
    expect(value(`/kubepods/pod${uid('guaranteed')}/*`, 'memory.limit_in_bytes', 'memory.max')).toContain('33554432');
  });

  it('end as OOMKilled when they want more than their limit', () => {
    const [status] = pod('greedy')?.status?.containerStatuses ?? [];
    expect(status?.state?.terminated).toMatchObject({ reason: 'OOMKilled', exitCode: 137 });
  });

  it.each([
    ['too-big', 'OutOfcpu', /^Pod was rejected: Node didn't have enough resource: cpu, requested: 10000000, used: \d+, capacity: \d+$/],
    ['elsewhere', 'NodeAffinity', /^Pod was rejected: Predicate NodeAffinity failed: /],
  ])('are refused where the node is not right for them: %s', (name, reason, message) => {
    expect(pod(name)?.status).toMatchObject({ phase: 'Failed', reason, message: expect.stringMatching(message) });
  });

  it('tell their class', () => {
    expect(['guaranteed', 'burstable', 'besteffort'].map((name) => pod(name)?.status?.qosClass)).toEqual([
      'Guaranteed',
      'Burstable',
      'BestEffort',
    ]);
  });
});
