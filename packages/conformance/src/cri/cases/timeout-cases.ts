import { setTimeout as sleep } from 'node:timers/promises';
import { expectEqual, expectTrue } from '../../expect.ts';
import { refusalOf } from '../../refusals.ts';
import type { Case } from '../../suite.ts';
import { logs, processes } from '../needs.ts';
import type { TestContainer } from '../pod.ts';
import type { CriTarget } from '../target.ts';

const pollMs = 50;
const stubborn = ['sh', '-c', 'trap "" TERM; echo ready; while true; do sleep 0.05; done'];

function stopping(target: CriTarget, { id }: TestContainer, timeout: number, deadlineMs?: number): Promise<unknown> {
  return target.client.StopContainer({ containerId: id, timeout }, deadlineMs === undefined ? {} : { deadlineMs });
}

/** Clients that give up, and calls that take long. */
export const timeoutCases: Case<CriTarget>[] = [
  {
    id: 'timeout.run-sandbox',
    group: 'timeout',
    clause: 'a client that gave up on RunPodSandbox can ask again, and ends up with one sandbox (cri.proto, RunPodSandbox)',
    proves: ['RunPodSandbox'],
    async run(target, signal) {
      const config = target.sandboxConfig({ labels: { conformance: 'gave-up' } });
      const request = { config, runtimeHandler: target.options.handler ?? '' };
      for (const deadlineMs of [1, 20]) await target.client.RunPodSandbox(request, { deadlineMs }).catch(() => undefined);
      const ours = async () =>
        (await target.client.ListPodSandbox({ filter: { labelSelector: { conformance: 'gave-up' } } })).items.filter(
          ({ metadata }) => metadata.uid === config.metadata.uid,
        );
      // The runtime may still be at the call that was given up: that is an error until it is through.
      let id: string | undefined;
      while (id === undefined) {
        id = await target.client.RunPodSandbox(request).then(
          ({ podSandboxId }) => podSandboxId,
          async () => (await ours())[0]?.id,
        );
        await sleep(pollMs, undefined, { signal });
      }
      try {
        const found = await ours();
        expectEqual(found.length, 1, 'sandboxes of that metadata');
        expectEqual(found[0]?.state, 'SANDBOX_READY', 'state');
      } finally {
        for (const { id: podSandboxId } of await ours()) {
          await target.client.StopPodSandbox({ podSandboxId });
          await target.client.RemovePodSandbox({ podSandboxId });
        }
      }
    },
  },
  {
    id: 'timeout.create-container',
    group: 'timeout',
    clause: 'a client that gave up on CreateContainer can make the container afterwards (cri.proto, CreateContainer)',
    proves: ['CreateContainer'],
    async run(target, signal) {
      await target.withPod({}, async (pod) => {
        const config = {
          metadata: { name: 'again', attempt: 0 },
          image: { image: await target.image('shell') },
          command: ['sleep', '1000'],
        };
        const request = { podSandboxId: pod.id, config, sandboxConfig: pod.config };
        for (const deadlineMs of [1, 10]) await target.client.CreateContainer(request, { deadlineMs }).catch(() => undefined);
        const listed = async () => (await target.client.ListContainers({ filter: { podSandboxId: pod.id } })).containers;
        let made = false;
        while (!made) {
          made = await target.client.CreateContainer(request).then(
            () => true,
            async () => (await listed()).length > 0,
          );
          await sleep(pollMs, undefined, { signal });
        }
        expectEqual((await listed()).length, 1, 'containers');
      });
    },
  },
  {
    id: 'timeout.exec-cancelled',
    group: 'timeout',
    clause: 'a client that gives up on ExecSync leaves the container as it was (cri.proto, ExecSync)',
    proves: ['ExecSync'],
    needs: [processes],
    async run(target) {
      await target.withContainer({}, async (container) => {
        await container.start();
        await refusalOf(
          target.client.ExecSync({ containerId: container.id, cmd: ['sleep', '1000'] }, { deadlineMs: 300 }),
          'ExecSync past its deadline',
        );
        expectEqual((await container.status()).state, 'CONTAINER_RUNNING', 'state');
        expectEqual(await container.script('echo works'), 'works', 'the next command');
      });
    },
  },
  {
    id: 'timeout.stop-given-up',
    group: 'timeout',
    clause: 'after a client gave up on a long StopContainer, a later one with less patience ends the container (cri.proto, StopContainer)',
    proves: ['StopContainer', 'StopContainerRequest.timeout'],
    needs: [logs],
    async run(target, signal) {
      await target.withContainer({ command: stubborn }, async (container) => {
        await container.start();
        await container.says(/ready/, signal);
        await refusalOf(stopping(target, container, 1000, 300), 'StopContainer past its deadline');
        expectEqual((await container.status()).state, 'CONTAINER_RUNNING', 'state in between');
        await stopping(target, container, 0);
        expectEqual((await container.status()).state, 'CONTAINER_EXITED', 'state');
      });
    },
  },
  {
    id: 'timeout.stop-overtaken',
    group: 'timeout',
    clause: 'a StopContainer with timeout 0 ends a container that another one waits for (cri.proto, StopContainer)',
    proves: ['StopContainer', 'StopContainerRequest.timeout'],
    needs: [logs],
    async run(target, signal) {
      await target.withContainer({ command: stubborn }, async (container) => {
        await container.start();
        await container.says(/ready/, signal);
        const patient = stopping(target, container, 1000, 30_000);
        await sleep(pollMs, undefined, { signal });
        await stopping(target, container, 0);
        await patient;
        expectEqual((await container.status()).exitCode, 137, 'exit_code');
      });
    },
  },
  {
    id: 'timeout.exec-no-limit',
    group: 'timeout',
    clause: 'a timeout of 0 is no time limit (cri.proto, ExecSyncRequest.timeout)',
    proves: ['ExecSyncRequest.timeout'],
    needs: [processes],
    async run(target) {
      await target.withContainer({}, async (container) => {
        await container.start();
        expectEqual((await container.execSync(['sleep', '1.5'], 0)).exitCode, 0, 'exit code');
      });
    },
  },
  {
    id: 'timeout.exec-within-limit',
    group: 'timeout',
    clause: 'a command that ends within its timeout is left alone, and is answered at its end (cri.proto, ExecSyncRequest.timeout)',
    proves: ['ExecSyncRequest.timeout'],
    needs: [processes],
    async run(target) {
      await target.withContainer({}, async (container) => {
        await container.start();
        const startedAt = performance.now();
        expectEqual((await container.execSync(['sh', '-c', 'sleep 0.2; exit 3'], 30)).exitCode, 3, 'exit code');
        expectTrue(performance.now() - startedAt < 20_000, 'it was answered long after the end');
      });
    },
  },
];
