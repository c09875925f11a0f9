import { networkInterfaces } from 'node:os';
import type { Pod } from '@berth/api/objects';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { BerthHome, exampleImage, type Running } from '../fixtures/berth.ts';
import { expectHostState, type HostState, readHostState } from '../fixtures/host-state.ts';
import { nodeMissing, skipIfMissing } from '../fixtures/node-requirements.ts';
import { busyboxPod, manifestOf, script, serves } from '../fixtures/pod-manifests.ts';

const port = 21_000 + (process.pid % 9000);
const ownAddress = Object.values(networkInterfaces())
  .flat()
  .find((address) => address?.family === 'IPv4' && !address.internal)?.address;

const manifest = manifestOf(
  busyboxPod('web', { ...script(serves(80)), ports: [{ containerPort: 80, hostPort: port }] }),
  busyboxPod('client', { command: ['sleep', '1000'] }),
);

describe('a pod with a hostPort on runc', () => {
  let home: BerthHome;
  let node: Running;
  let before: HostState;

  beforeEach(skipIfMissing(nodeMissing));

  beforeAll(async () => {
    if (nodeMissing()) return;
    before = readHostState();
    home = new BerthHome();
    node = home.start(['run', '--image', exampleImage, '-f', home.write('web.yaml', manifest)]);
    await node.says(/the node goes on/);
  });

  afterAll(async () => {
    if (nodeMissing()) return;
    expect((await node.interrupt()).status).toBe(0);
    home.remove();
    await expectHostState(before);
  });

  it("answers there on the host's loopback address", async () => {
    await expect.poll(() => page('127.0.0.1')).toBe('hello\n');
  });

  it("answers there on the host's own address", async ({ skip }) => {
    if (!ownAddress) skip('the host has no IPv4 address besides its loopback');
    await expect.poll(() => page(ownAddress ?? '')).toBe('hello\n');
  });

  it.each(['client', 'web'])('answers pod %s, at the gateway of the pods', async (pod) => {
    const pods: Pod[] = JSON.parse((await home.berth('ps', '-o', 'json')).stdout);
    const gateway = pods[0]?.status?.podIP?.replace(/\d+$/, '1');
    const asked = await home.berth('exec', pod, '--', 'wget', '-qO-', `http://${gateway}:${port}/`);
    expect(asked).toEqual({ status: 0, stdout: 'hello\n', stderr: '' });
  });

  async function page(address: string): Promise<string> {
    return (await fetch(`http://${address}:${port}/`, { signal: AbortSignal.timeout(5000) })).text();
  }
});

describe('two pods with the same hostPort', () => {
  const pod = (name: string) => `
apiVersion: v1
kind: Pod
metadata: {name: ${name}, annotations: {fake.berth.dev/exit-after: 100ms}}
spec:
  restartPolicy: Never
  containers: [{name: main, image: a, ports: [{containerPort: 80, hostPort: 8080}]}]
`;

  it('one runs, and the other is refused and says who has the port', async () => {
    const home = new BerthHome();
    const manifests = home.write('both.yaml', `${pod('first')}---${pod('second')}`);
    const ended = await home.berth('run', '--once', '--runtime', 'fake', '-f', manifests);
    home.remove();
    expect(ended.status).toBe(1);
    expect(ended.stderr).toMatch(/default\/second: .*8080\/TCP.*default\/first/);
    expect(ended.stderr).not.toMatch(/default\/first: /);
  });
});
