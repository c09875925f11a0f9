import { existsSync, globSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BerthHome, exampleImage, type Running } from '../fixtures/berth.ts';
import { nodeMissing, skipIfMissing } from '../fixtures/node-requirements.ts';

const manifest = `
apiVersion: v1
kind: Pod
metadata: {name: sleeper}
spec:
  terminationGracePeriodSeconds: 0
  containers: [{name: main, image: "localhost/busybox:1", command: [sleep, "600"], resources: {limits: {memory: 32Mi}}}]
`;

const systemdMissing = () => nodeMissing() ?? (existsSync('/run/systemd/system') ? undefined : 'systemd does not run here');

describe('a node whose runtime has the cgroup driver systemd', () => {
  let home: BerthHome;
  let runtime: Running | undefined;
  let node: Running | undefined;

  beforeEach((context) => {
    skipIfMissing(systemdMissing)(context);
    home = new BerthHome();
  });

  afterEach(async () => {
    await node?.interrupt();
    runtime?.child.kill('SIGTERM');
    await runtime?.ended;
    home?.remove();
  });

  it('runs a pod in a slice of its own, and leaves none', async () => {
    const slices = () => globSync(`/sys/fs/cgroup/{,systemd/}${home.name}.slice`);
    const burstable = () => `${home.name}-kubepods.slice/${home.name}-kubepods-burstable.slice/${home.name}-kubepods-burstable-pod*.slice`;
    const scopes = () => globSync(slices().map((slice) => `${slice}/${burstable()}/berth-*.scope`));
    const endpoint = `unix://${home.directory}/cri.sock`;
    runtime = home.start(['runtime', 'runc', '--listen', endpoint, '--', '--cgroup-driver', 'systemd']);
    await runtime.says(/"serving"/);
    // Without a command: an emulated processor takes longer to start it than a node waits.
    const runtimes = [{ handler: 'runc', endpoint }];
    const cni = { bridge: home.name, subnet: '10.98.3.0/24' };
    home.configure({ runtimes, cni, cgroupRoot: `/${home.name}`, runtimeRequestTimeout: '10m' });
    node = home.start(['run', '--image', exampleImage, '-f', home.write('pod.yaml', manifest)]);
    await node.says(/the node goes on/);
    expect(scopes()).toHaveLength(1);
    expect(await node.interrupt()).toMatchObject({ status: 0, stderr: '' });
    expect(slices()).toEqual([]);
  });
});
