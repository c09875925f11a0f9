import { expectDistinct, expectEqual, expectSame, expectTrue } from '../../expect.ts';
import type { Case } from '../../suite.ts';
import { withCleanUp } from '../../with-clean-up.ts';
import { image, imageContents, isolation, logs, processes } from '../needs.ts';
import type { CriTarget } from '../target.ts';

const times = <Result>(count: number, work: (index: number) => Promise<Result>): Promise<Result[]> =>
  Promise.all(Array.from({ length: count }, (_, index) => work(index)));

/** Calls beside each other. */
export const concurrencyCases: Case<CriTarget>[] = [
  {
    id: 'concurrency.sandboxes',
    group: 'concurrency',
    clause: 'sandboxes can be made and removed beside each other, each with an address of its own (cri.proto, RunPodSandbox)',
    proves: ['RunPodSandbox', 'RemovePodSandbox', 'PodSandboxNetworkStatus.ip'],
    exclusive: true,
    timeLimitMs: 120_000,
    async run(target) {
      const making = await Promise.allSettled(Array.from({ length: 6 }, () => target.startPod()));
      const pods = making.flatMap((made) => (made.status === 'fulfilled' ? [made.value] : []));
      await withCleanUp(
        async () => {
          for (const made of making) if (made.status === 'rejected') throw made.reason;
          expectDistinct(
            pods.map(({ id }) => id),
            'ids given again',
          );
          const addresses = (await Promise.all(pods.map((pod) => pod.status()))).flatMap(({ network }) => network?.ip || []);
          expectDistinct(addresses, 'addresses given again');
        },
        async () => void (await Promise.all(pods.map((pod) => pod.remove()))),
      );
      const { items } = await target.client.ListPodSandbox({});
      expectTrue(!items.some(({ id }) => pods.some((pod) => pod.id === id)), 'a removed sandbox is still listed');
    },
  },
  {
    id: 'concurrency.same-sandbox',
    group: 'concurrency',
    clause: 'of calls with the same metadata at the same time at most one makes a sandbox (cri.proto, RunPodSandbox)',
    proves: ['RunPodSandbox'],
    async run(target) {
      const config = target.sandboxConfig();
      const request = { config, runtimeHandler: target.options.handler ?? '' };
      const answers = await times(4, () =>
        target.client.RunPodSandbox(request).then(
          ({ podSandboxId }) => podSandboxId,
          () => undefined,
        ),
      );
      const ids = [...new Set(answers.filter((id) => id !== undefined))];
      try {
        expectEqual(ids.length, 1, 'sandboxes made');
        const { items } = await target.client.ListPodSandbox({});
        expectEqual(items.filter(({ metadata }) => metadata.uid === config.metadata.uid).length, 1, 'sandboxes listed');
      } finally {
        for (const podSandboxId of ids) {
          await target.client.StopPodSandbox({ podSandboxId });
          await target.client.RemovePodSandbox({ podSandboxId });
        }
      }
    },
  },
  {
    id: 'concurrency.containers',
    group: 'concurrency',
    clause: 'containers of one sandbox can be made, run and removed beside each other (cri.proto, CreateContainer)',
    proves: ['CreateContainer', 'StartContainer', 'RemoveContainer'],
    async run(target, signal) {
      await target.withPod({}, async (pod) => {
        const codes = await times(6, async (index) => {
          const container = await pod.start({ command: ['sh', '-c', `exit ${index}`] });
          const { exitCode } = await container.ended(signal);
          await container.remove();
          return exitCode;
        });
        expectSame(codes, [0, 1, 2, 3, 4, 5], 'exit codes');
        const left = await target.client.ListContainers({ filter: { podSandboxId: pod.id } });
        expectEqual(left.containers.length, 0, 'containers left');
      });
    },
    needs: [processes],
  },
  {
    id: 'concurrency.stops',
    group: 'concurrency',
    clause: 'StopContainer may be called several times at once (cri.proto, StopContainer)',
    proves: ['StopContainer'],
    async run(target) {
      await target.withContainer({}, async (container) => {
        await container.start();
        await times(5, () => container.stop(0));
        expectEqual((await container.status()).state, 'CONTAINER_EXITED', 'state');
      });
    },
  },
  {
    id: 'concurrency.removes',
    group: 'concurrency',
    clause: 'RemoveContainer succeeds for each of several callers at once, or refuses for a while (cri.proto, RemoveContainer)',
    proves: ['RemoveContainer'],
    async run(target) {
      await target.withContainer({}, async (container) => {
        await container.start();
        await container.stop(0);
        await Promise.allSettled(Array.from({ length: 5 }, () => container.remove()));
        await container.remove();
        const { containers } = await target.client.ListContainers({ filter: { id: container.id } });
        expectEqual(containers.length, 0, 'containers left');
      });
    },
  },
  {
    id: 'concurrency.sandbox-removes',
    group: 'concurrency',
    clause: 'StopPodSandbox and RemovePodSandbox may come several times at once (cri.proto, StopPodSandbox)',
    proves: ['StopPodSandbox', 'RemovePodSandbox'],
    async run(target) {
      await target.withPod({}, async (pod) => {
        await pod.start();
        const { client } = target;
        await Promise.allSettled(Array.from({ length: 4 }, () => client.StopPodSandbox({ podSandboxId: pod.id })));
        await client.StopPodSandbox({ podSandboxId: pod.id });
        await Promise.allSettled(Array.from({ length: 4 }, () => client.RemovePodSandbox({ podSandboxId: pod.id })));
        await client.RemovePodSandbox({ podSandboxId: pod.id });
        expectEqual((await client.ListPodSandbox({ filter: { id: pod.id } })).items.length, 0, 'sandboxes left');
      });
    },
  },
  {
    id: 'concurrency.commands',
    group: 'concurrency',
    clause: 'commands run beside each other in a container, and each gets its own output (cri.proto, ExecSync)',
    proves: ['ExecSync'],
    needs: [processes],
    async run(target) {
      await target.withContainer({}, async (container) => {
        await container.start();
        const outputs = await times(8, (index) => container.script(`echo ${index}; sleep 0.1; echo ${index}`));
        expectSame(
          outputs,
          [0, 1, 2, 3, 4, 5, 6, 7].map((index) => `${index}\n${index}`),
          'outputs',
        );
      });
    },
  },
  {
    id: 'concurrency.exec-and-stop',
    group: 'concurrency',
    clause: 'a container can be stopped while a command runs in it; the command ends (cri.proto, StopContainer)',
    proves: ['StopContainer', 'ExecSync'],
    needs: [logs, isolation],
    async run(target, signal) {
      await target.withContainer({}, async (container) => {
        await container.start();
        const command = target.client
          .ExecSync({ containerId: container.id, cmd: ['sh', '-c', 'echo begun > /proc/1/fd/1; exec sleep 1000'] }, { deadlineMs: 30_000 })
          .then(
            ({ exitCode }) => exitCode !== 0,
            () => true,
          );
        await container.says(/begun/, signal);
        await container.stop(0);
        expectTrue(await command, 'the command ended as if nothing had happened');
        expectEqual((await container.status()).state, 'CONTAINER_EXITED', 'state');
      });
    },
  },
  {
    id: 'concurrency.pulls',
    group: 'concurrency',
    clause: 'an image can be pulled several times at once, and is there once (cri.proto, PullImage)',
    proves: ['PullImage'],
    needs: [imageContents, image('spare')],
    exclusive: true,
    async run(target) {
      const spare = { image: target.reference('spare') };
      await target.removeImage('spare');
      const refs = await times(4, async () => (await target.client.PullImage({ image: spare })).imageRef);
      try {
        expectEqual(new Set(refs).size, 1, 'different answers');
        const { images } = await target.client.ListImages({});
        expectEqual(images.filter(({ repoTags }) => repoTags.includes(spare.image)).length, 1, 'images of that name');
      } finally {
        await target.removeImage('spare');
      }
    },
  },
  {
    id: 'concurrency.reads',
    group: 'concurrency',
    clause: 'lists and statuses are answered while containers come and go (cri.proto, ListContainers)',
    proves: ['ListContainers', 'ListPodSandbox', 'Status'],
    async run(target) {
      const done = new AbortController();
      const reading = readUntil(target, done.signal);
      const coming = (async () => {
        for (let turn = 0; turn < 3; turn++) await target.withContainer({}, (container) => container.start());
      })().finally(() => done.abort());
      const [answers] = await Promise.all([reading, coming]);
      expectTrue(answers > 0, 'nothing was answered meanwhile');
    },
  },
];

/** How often lists and status were answered until then. */
async function readUntil({ client }: CriTarget, signal: AbortSignal): Promise<number> {
  let answers = 0;
  while (!signal.aborted) {
    await Promise.all([client.ListContainers({}), client.ListPodSandbox({}), client.Status({})]);
    answers++;
  }
  return answers;
}
