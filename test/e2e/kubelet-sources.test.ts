import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Pod } from '@berth/api/objects';
import { connect } from '@berth/sdk/connect';
import { ListPodSandboxRequest, RuntimeServiceService } from '@berth/sdk/cri';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { BerthHome, type Running } from '../fixtures/berth.ts';
import { removeCgroups } from '../fixtures/cgroups.ts';
import { type CriServer, criServers } from '../fixtures/cri-servers.ts';
import { skipIfMissing } from '../fixtures/node-requirements.ts';
import { busyboxPod, manifestOf, script } from '../fixtures/pod-manifests.ts';

describe.each(criServers)('berth kubelet on $name', ({ start: startServer, missing }) => {
  let home: BerthHome;
  let server: CriServer;
  let http: Server;
  /** What the URL answers. */
  let answer: Pod[];
  let kubelet: Running | undefined;

  beforeEach(async (context) => {
    skipIfMissing(missing)(context);
    server = await startServer();
    home = new BerthHome();
    for (const name of ['manifests', 'out']) mkdirSync(join(home.directory, name));
    answer = [pod('remote', 0)];
    http = createServer((_request, response) => void response.end(JSON.stringify({ apiVersion: 'v1', kind: 'PodList', items: answer })));
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  });

  afterEach(async () => {
    if (missing() !== undefined) return;
    await endAll();
    http.close();
    removeCgroups(`/${home.name}`);
    home.remove();
    await server.stop();
  });

  /** Writes as it ends how many have done so before it. */
  function pod(name: string, priority: number): Pod {
    const counts = script(`trap 'before=$(ls /out | wc -l); echo $before > /out/${name}; exit 0' TERM; while :; do sleep 0.1; done`);
    return busyboxPod(
      name,
      { ...counts, imagePullPolicy: 'IfNotPresent', volumeMounts: [{ name: 'out', mountPath: '/out' }] },
      {
        priority,
        hostNetwork: true,
        terminationGracePeriodSeconds: 5,
        volumes: [{ name: 'out', hostPath: { path: join(home.directory, 'out') } }],
      },
    );
  }

  async function start(): Promise<Running> {
    const configuration = home.write(
      'kubelet.yaml',
      stringify({
        apiVersion: 'kubelet.config.k8s.io/v1beta1',
        kind: 'KubeletConfiguration',
        staticPodPath: 'manifests',
        staticPodURL: `http://127.0.0.1:${(http.address() as AddressInfo).port}/pods`,
        httpCheckFrequency: '200ms',
        containerRuntimeEndpoint: server.endpoint,
        shutdownGracePeriod: '20s',
        shutdownGracePeriodCriticalPods: '10s',
        enableServer: false,
        healthzPort: 0,
        failCgroupV1: false,
        failSwapOn: false,
        // What the host's disk is like is none of this test's business.
        evictionHard: { 'memory.available': '1Mi' },
      }),
    );
    kubelet = home.start(['kubelet', '--config', configuration, '--hostname-override', 'Node']);
    await kubelet.says(/node node is up/);
    return kubelet;
  }

  /** Each running container: `low-node ID restarts`. */
  async function running(): Promise<string[]> {
    const pods = JSON.parse((await home.berth('ps', '-o', 'json')).stdout || '[]') as Pod[];
    return pods
      .flatMap(({ metadata, status }) => (status?.containerStatuses ?? []).map((each) => ({ ...each, name: metadata?.name })))
      .filter(({ state }) => state?.running)
      .map(({ name, containerID, restartCount }) => `${name} ${containerID} ${restartCount}`)
      .toSorted();
  }

  /** The next kubelet finds no manifest, and ends what is left over. */
  async function endAll(): Promise<void> {
    kubelet?.child.kill('SIGKILL');
    await kubelet?.ended;
    answer = [];
    rmSync(join(home.directory, 'manifests'), { recursive: true });
    mkdirSync(join(home.directory, 'manifests'));
    const last = await start();
    const runtime = connect(RuntimeServiceService, server.endpoint);
    const sandboxes = async () => (await runtime.listPodSandbox(ListPodSandboxRequest.create())).items.length;
    await expect.poll(sandboxes, { timeout: 30_000 }).toBe(0);
    runtime.close();
    await last.interrupt();
  }

  it('runs pods of files and of a URL, which a kill leaves as they are and a shutdown ends by priority', async () => {
    home.write('manifests/critical.yaml', manifestOf(pod('critical', 2_000_000_000)));
    home.write('manifests/low.yaml', manifestOf(pod('low', 0)));
    const first = await start();
    await expect
      .poll(async () => (await running()).map((line) => line.split(' ')[0]), { timeout: 30_000 })
      .toEqual(['critical-node', 'low-node', 'remote-node']);
    const before = await running();
    first.child.kill('SIGKILL');
    await first.ended;

    const second = await start();
    await expect.poll(running, { timeout: 20_000 }).toEqual(before);

    second.child.kill('SIGTERM');
    expect(await second.ended).toMatchObject({ status: 0 });
    const orderOf = (name: string) => Number(readFileSync(join(home.directory, 'out', name), 'utf8'));
    expect(orderOf('critical')).toBeGreaterThan(Math.max(orderOf('low'), orderOf('remote')));
    expect(existsSync(join(home.root, 'kubelet/graceful_node_shutdown_state'))).toBe(true);
  });
});
