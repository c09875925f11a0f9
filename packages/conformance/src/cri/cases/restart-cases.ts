import { expectEqual, expectSame, expectTrue } from '../../expect.ts';
import type { Case } from '../../suite.ts';
import { logs, processes, restarts } from '../needs.ts';
import type { CriTarget } from '../target.ts';

/** The server ends as in a crash and comes back: what it runs goes on, and what happened meanwhile is known. */
export const restartCases: Case<CriTarget>[] = [
  {
    id: 'restart.keeps-running',
    group: 'restart',
    clause:
      'a restart of the server restarts no container: it goes on as the process that it was (kubernetes, CRI: the runtime keeps its containers)',
    proves: ['ListContainers', 'ListPodSandbox'],
    needs: [restarts, processes],
    exclusive: true,
    async run(target, signal) {
      await target.withPod({}, async (pod) => {
        const container = await pod.start();
        await container.script('echo $PPID > /tmp/mark');
        const before = await container.status();
        await target.restart(signal);
        const after = await container.status();
        expectSame([after.state, after.startedAt], ['CONTAINER_RUNNING', before.startedAt], 'state and start');
        expectTrue(await pod.isReady(), 'the sandbox is no longer ready');
        await container.script('test -e /tmp/mark');
      });
    },
  },
  {
    id: 'restart.keeps-attributes',
    group: 'restart',
    clause: 'what was given of a sandbox and a container is the same after a restart (cri.proto, PodSandboxStatus)',
    proves: ['PodSandboxStatus', 'ContainerStatus'],
    needs: [restarts],
    exclusive: true,
    async run(target, signal) {
      const [labels, annotations] = [{ kept: 'label' }, { 'example.com/kept': 'annotation' }];
      await target.withPod({ labels, annotations }, async (pod) => {
        const container = await pod.create({ labels, annotations });
        const facts = async (): Promise<unknown> => {
          const [sandbox, status] = [await pod.status(), await container.status()];
          return [
            [sandbox.metadata, sandbox.labels, sandbox.annotations, sandbox.createdAt, sandbox.network],
            [status.metadata, status.labels, status.annotations, status.createdAt, status.imageRef, status.logPath, status.state],
          ];
        };
        const before = await facts();
        await target.restart(signal);
        expectSame(await facts(), before, 'metadata, labels, annotations, times, network, image, log path and state');
      });
    },
  },
  {
    id: 'restart.ended-meanwhile',
    group: 'restart',
    clause: 'a container that ended while the server was away has its exit code, and all of its log (cri.proto, ContainerStatus.exit_code)',
    proves: ['ContainerStatus.exit_code', 'ContainerStatus.finished_at'],
    needs: [restarts, logs],
    exclusive: true,
    async run(target, signal) {
      await target.withPod({}, async (pod) => {
        const command = ['sh', '-c', 'for i in $(seq 1 100); do echo $i; sleep 0.005; done; exit 9'];
        const container = await pod.start({ command });
        await target.restart(signal);
        const status = await container.ended(signal);
        expectEqual(status.exitCode, 9, 'exit_code');
        await container.says(/^100$/, signal);
        expectEqual(container.output('stdout').length, 100, 'lines of the log');
        expectTrue(BigInt(status.finishedAt) > BigInt(status.startedAt), 'finished_at is not after started_at');
      });
    },
  },
  {
    id: 'restart.still-works',
    group: 'restart',
    clause: 'after a restart what was made before can be used, stopped and removed, and new things be made (cri.proto, RemovePodSandbox)',
    proves: ['StopContainer', 'RemoveContainer', 'StopPodSandbox', 'RemovePodSandbox', 'ExecSync'],
    needs: [restarts, processes],
    exclusive: true,
    async run(target, signal) {
      await target.withPod({}, async (pod) => {
        const [running, created] = [await pod.start(), await pod.create()];
        await target.restart(signal);
        expectEqual(await running.script('echo works'), 'works', 'ExecSync');
        await created.start();
        expectEqual((await created.status()).state, 'CONTAINER_RUNNING', 'state of the one that was created before');
        await running.stop(0);
        await running.remove();
        const next = await pod.start();
        expectEqual((await next.status()).state, 'CONTAINER_RUNNING', 'state of a new one');
      });
    },
  },
  {
    id: 'restart.lists-the-same',
    group: 'restart',
    clause: 'nothing appears and nothing goes away by a restart (cri.proto, ListContainers)',
    proves: ['ListContainers', 'ListPodSandbox', 'ListImages'],
    needs: [restarts],
    exclusive: true,
    async run(target, signal) {
      await target.withPod({}, async (pod) => {
        await pod.start();
        const { client } = target;
        const ids = async (): Promise<unknown> => [
          (await client.ListPodSandbox({})).items.map(({ id, state }) => `${id} ${state}`).toSorted(),
          (await client.ListContainers({})).containers.map(({ id, state }) => `${id} ${state}`).toSorted(),
          (await client.ListImages({})).images.map(({ id }) => id).toSorted(),
        ];
        const before = await ids();
        await target.restart(signal);
        expectSame(await ids(), before, 'sandboxes, containers and images');
      });
    },
  },
  {
    id: 'restart.removed-stays-removed',
    group: 'restart',
    clause: 'what was removed does not come back by a restart (cri.proto, RemoveContainer)',
    proves: ['RemoveContainer', 'RemovePodSandbox'],
    needs: [restarts],
    exclusive: true,
    async run(target, signal) {
      const removed = await target.withContainer({}, async ({ id }) => id);
      const gone = await target.withSandbox(target.sandboxConfig(), async (id) => id);
      await target.restart(signal);
      expectEqual((await target.client.ListContainers({ filter: { id: removed } })).containers.length, 0, 'containers of the removed id');
      expectEqual((await target.client.ListPodSandbox({ filter: { id: gone } })).items.length, 0, 'sandboxes of the removed id');
    },
  },
];
