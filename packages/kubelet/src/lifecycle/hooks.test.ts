import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Pod } from '@berth/api/objects';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { containerStatus, isReady, podYaml, TestNode } from '../../testing/node.ts';

let node: TestNode;

beforeEach(async () => {
  node = await TestNode.create();
  await mkdir(join(node.root, 'manifests'));
  await node.kubelet.start();
});

afterEach(() => node.remove());

/** Starts pod `a`, whose container has these hooks. */
async function start(lifecycle: object, spec: object = {}): Promise<void> {
  const containers = [{ name: 'main', image: 'a', lifecycle }];
  await node.write('manifests/a.yaml', podYaml('a', `  ${JSON.stringify({ containers, ...spec })}`));
}

const reasons = () => node.kubelet.events().map(({ reason }) => reason);
const exec = (...command: string[]) => ({ exec: { command } });

describe('a postStart hook', () => {
  it('runs in the container before that counts as running', async () => {
    const answer = Promise.withResolvers<void>();
    node.runtime.faults.set('ExecSync', () => answer.promise);
    await start({ postStart: exec('warm', 'up') });
    await expect.poll(() => node.runtime.execs).toEqual(['warm up']);
    expect(containerStatus(node.pod('a') as Pod, 'main')?.state?.running).toBeUndefined();
    answer.resolve();
    await node.until('a', isReady);
  });

  it('that fails ends the container, which is started again by its policy', async () => {
    await start({ postStart: exec('exit', '3') });
    const pod = await node.until('a', (candidate) => (containerStatus(candidate, 'main')?.restartCount ?? 0) > 0);
    expect(node.runtime.calls.filter((call) => /main$/.test(call)).slice(0, 4)).toEqual([
      'CreateContainer main',
      'StartContainer main',
      'StopContainer main',
      'CreateContainer main',
    ]);
    expect(reasons()).toContain('FailedPostStartHook');
    expect(reasons()).not.toContain('Failed');
    expect(pod.status?.phase).toBe('Running');
  });

  it('that fails ends a pod that restarts nothing', async () => {
    await start({ postStart: exec('exit', '3') }, { restartPolicy: 'Never' });
    const pod = await node.until('a', ({ status }) => status?.phase === 'Succeeded' || status?.phase === 'Failed');
    expect(containerStatus(pod, 'main')?.state?.terminated).toBeDefined();
  });

  it('says in the status why it failed', async () => {
    await start({ postStart: { tcpSocket: { port: 80 } } });
    await node.until('a', (pod) => {
      const { reason, message = '' } = containerStatus(pod, 'main')?.state?.waiting ?? {};
      return reason === 'PostStartHookError' && /^TCP lifecycle hook \(80\) for Container "main" in Pod "a_default/.test(message);
    });
  });

  it('may ask a server for anything, whatever that answers', async () => {
    const asked: (string | undefined)[] = [];
    const server = createServer(({ url, headers }, response) => {
      asked.push(url, headers['user-agent']);
      response.writeHead(500).end();
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    await start({ postStart: { httpGet: { host: '127.0.0.1', port: (server.address() as AddressInfo).port, path: '/hook' } } });
    await node.until('a', isReady);
    expect(asked).toEqual(['/hook', 'kube-lifecycle/1.36']);
    server.close();
  });

  it('is given up when the pod is to end', async () => {
    await start({ postStart: { sleep: { seconds: 3600 } } }, { terminationGracePeriodSeconds: 3600 });
    await expect.poll(() => reasons()).toContain('Started');
    expect(await node.kubelet.stop({ removePods: true })).toEqual([]);
    expect(node.runtime.containers.size).toBe(0);
  });
});

describe('a preStop hook', () => {
  const stop = async () => expect(await node.kubelet.stop({ removePods: true })).toEqual([]);

  it('runs before the container is asked to end, and its time is taken from the grace period', async () => {
    await start({ preStop: { sleep: { seconds: 1 } } }, { terminationGracePeriodSeconds: 10 });
    await node.until('a', isReady);
    await stop();
    expect(node.runtime.graces).toEqual([9]);
  });

  it('that uses the grace period up leaves two seconds', async () => {
    await start({ preStop: { sleep: { seconds: 1 } } }, { terminationGracePeriodSeconds: 1 });
    await node.until('a', isReady);
    await stop();
    expect(node.runtime.graces).toEqual([2]);
  });

  it('that fails is told, its cause in the log alone, and keeps nothing from being stopped', async () => {
    const logged: string[] = [];
    await node.kubelet.stop({ removePods: true });
    node.replaceKubelet({ log: pino({ level: 'error' }, { write: (line) => void logged.push(line) }) });
    await node.kubelet.start();
    await start({ preStop: exec('exit', '1') });
    await node.until('a', isReady);
    const told: (string | undefined)[] = [];
    node.kubelet.onStatus(() => told.push(...reasons()));
    await stop();
    expect(told).toContain('FailedPreStopHook');
    expect(node.runtime.graces).toEqual([30]);
    expect(logged).toHaveLength(1);
    expect(JSON.parse(logged[0] ?? '')).toMatchObject({
      pod: 'default/a',
      container: 'main',
      msg: expect.stringMatching(/^the preStop hook failed: Exec lifecycle hook \(\[exit 1\]\) for Container "main" .*exited with 1/),
    });
  });

  it('is left out in a hurry', async () => {
    await start({ preStop: exec('bye') }, { terminationGracePeriodSeconds: 0 });
    await node.until('a', isReady);
    await stop();
    expect([node.runtime.execs, node.runtime.graces]).toEqual([[], [2]]);
  });

  describe('of a sidecar', () => {
    const startSidecar = (terminationGracePeriodSeconds: number) => {
      const sidecar = { name: 'proxy', image: 'a', restartPolicy: 'Always', lifecycle: { preStop: exec('drain') } };
      return start({ preStop: { sleep: { seconds: 1 } } }, { initContainers: [sidecar], terminationGracePeriodSeconds });
    };

    it('runs at once; the sidecar itself ends after the others', async () => {
      await startSidecar(10);
      await node.until('a', isReady);
      const stopped = stop();
      await expect.poll(() => node.runtime.execs).toEqual(['drain']);
      expect(node.runtime.graces).toEqual([]);
      await stopped;
      expect(node.runtime.calls.filter((call) => call.startsWith('StopContainer'))).toEqual(['StopContainer main', 'StopContainer proxy']);
      // Each step takes its whole seconds: the wait of the sidecar began some milliseconds after the sleep.
      expect(node.runtime.graces).toEqual([9, expect.toBeOneOf([9, 10])]);
    });

    it('runs, too, where another container uses up the whole of the grace period', async () => {
      node.runtime.behaviours.set('main', { ignoresStop: true });
      await startSidecar(2);
      await node.until('a', isReady);
      await stop();
      expect([node.runtime.execs, node.runtime.graces]).toEqual([['drain'], [2, 2]]);
    });
  });
});
