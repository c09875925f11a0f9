import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expectEqual, expectMatch, expectSame, expectTrue } from '../../expect.ts';
import { expectRefused } from '../../refusals.ts';
import type { Case } from '../../suite.ts';
import { mounts as hostMounts, logs, processes } from '../needs.ts';
import type { CriTarget } from '../target.ts';

const logLine = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d) (stdout|stderr) [FP](:\S*)? /;

export const containerCases: Case<CriTarget>[] = [
  {
    id: 'container.lifecycle',
    group: 'container',
    clause: 'a container is CREATED, then RUNNING, then EXITED, with a time for each (api.proto, ContainerStatus)',
    proves: [
      'CreateContainer',
      'StartContainer',
      'StopContainer',
      'ContainerStatus',
      'ContainerStatusResponse.status',
      'ContainerStatus.id',
      'ContainerStatus.metadata',
      'ContainerStatus.state',
      'ContainerState.CONTAINER_CREATED',
      'ContainerState.CONTAINER_RUNNING',
      'ContainerState.CONTAINER_EXITED',
      'ContainerStatus.created_at',
      'ContainerStatus.started_at',
      'ContainerStatus.finished_at',
      'ContainerStatus.exit_code',
    ],
    async run(target) {
      await target.withContainer({ metadata: { name: 'lifecycle', attempt: 3 } }, async (container) => {
        const made = await container.status();
        expectSame([made.id, made.metadata], [container.id, { name: 'lifecycle', attempt: 3 }], 'id and metadata');
        expectEqual(made.state, 'CONTAINER_CREATED', 'state after CreateContainer');
        await container.start();
        const running = await container.status();
        expectEqual(running.state, 'CONTAINER_RUNNING', 'state after StartContainer');
        await container.stop(0);
        const exited = await container.status();
        expectEqual(exited.state, 'CONTAINER_EXITED', 'state after StopContainer');
        const [created, started, finished] = [exited.createdAt, exited.startedAt, exited.finishedAt].map(BigInt) as [
          bigint,
          bigint,
          bigint,
        ];
        expectTrue(
          created > 0n && started >= created && finished >= started,
          `times out of order: created ${created}, started ${started}, finished ${finished}`,
        );
        expectEqual(exited.exitCode, 137, 'exit_code after a kill');
      });
    },
  },
  {
    id: 'container.exit-code',
    group: 'container',
    clause: 'exit_code is that of the process; reason is a word in CamelCase (api.proto, ContainerStatus.exit_code, reason)',
    proves: ['ContainerStatus.exit_code', 'ContainerStatus.reason'],
    needs: [processes],
    async run(target, signal) {
      for (const exitCode of [0, 3]) {
        await target.withContainer({ command: ['sh', '-c', `exit ${exitCode}`] }, async (container) => {
          await container.start();
          const status = await container.ended(signal);
          expectEqual(status.exitCode, exitCode, 'exit_code');
          expectMatch(status.reason, /^([A-Z][A-Za-z0-9]*)$/, 'reason');
        });
      }
    },
  },
  {
    id: 'container.stop-twice',
    group: 'container',
    clause: 'StopContainer is idempotent (api.proto, StopContainer)',
    proves: ['StopContainer', 'StopContainerRequest.container_id'],
    async run(target) {
      await target.withContainer({}, async (container) => {
        await container.start();
        await container.stop(0);
        await container.stop(0);
        expectEqual((await container.status()).state, 'CONTAINER_EXITED', 'state');
      });
    },
  },
  {
    id: 'container.stop-signal-first',
    group: 'container',
    clause: 'StopContainer lets the process end by itself within the timeout (api.proto, StopContainerRequest.timeout)',
    proves: ['StopContainerRequest.timeout'],
    needs: [processes],
    async run(target, signal) {
      const command = ['sh', '-c', 'trap "exit 7" TERM; echo ready; while true; do sleep 0.05; done'];
      await target.withContainer({ command }, async (container) => {
        await container.start();
        // Before its trap is set, a first process doesn't take the signal at all.
        await container.says(/ready$/, signal);
        await container.stop(20);
        expectEqual((await container.status()).exitCode, 7, 'exit_code');
      });
    },
  },
  {
    id: 'container.stop-then-kill',
    group: 'container',
    clause: 'StopContainer kills a process that does not end within the timeout (api.proto, StopContainerRequest.timeout)',
    proves: ['StopContainerRequest.timeout'],
    needs: [processes],
    async run(target, signal) {
      const command = ['sh', '-c', 'trap "" TERM; echo ready; while true; do sleep 0.05; done'];
      await target.withContainer({ command }, async (container) => {
        await container.start();
        // One that isn't the first of a PID namespace takes the signal before its trap is set.
        await container.says(/ready$/, signal);
        const startedAt = performance.now();
        await container.stop(1);
        expectEqual((await container.status()).exitCode, 137, 'exit_code');
        expectTrue(performance.now() - startedAt >= 900, 'killed before the timeout');
      });
    },
  },
  {
    id: 'container.remove-twice',
    group: 'container',
    clause: 'RemoveContainer is idempotent, also for a running container (api.proto, RemoveContainer)',
    proves: ['RemoveContainer', 'RemoveContainerRequest.container_id'],
    async run(target) {
      await target.withContainer({}, async (container) => {
        await container.start();
        await container.remove();
        await container.remove();
        await expectRefused(container.status(), 'ContainerStatus of a removed container', 'NOT_FOUND');
      });
    },
  },
  {
    id: 'container.list-filter',
    group: 'container',
    clause: 'ListContainers filters by id, state, sandbox and labels (api.proto, ContainerFilter)',
    proves: [
      'ListContainers',
      'ListContainersRequest.filter',
      'ContainerFilter.id',
      'ContainerFilter.state',
      'ContainerFilter.pod_sandbox_id',
      'ContainerFilter.label_selector',
    ],
    async run(target) {
      await target.withContainer({ labels: { conformance: 'list' } }, async ({ id, sandboxId }) => {
        const count = async (filter: Parameters<typeof target.client.ListContainers>[0]['filter']) =>
          (await target.client.ListContainers({ filter })).containers.length;
        expectEqual(await count({ id }), 1, 'listed by its id');
        expectEqual(await count({ id, podSandboxId: sandboxId }), 1, 'listed by its sandbox');
        expectEqual(await count({ id, podSandboxId: 'f'.repeat(64) }), 0, 'listed by another sandbox');
        expectEqual(await count({ id, labelSelector: { conformance: 'list' } }), 1, 'listed by its label');
        expectEqual(await count({ id, state: { state: 'CONTAINER_CREATED' } }), 1, 'listed as created');
        expectEqual(await count({ id, state: { state: 'CONTAINER_RUNNING' } }), 0, 'listed as running');
      });
    },
  },
  {
    id: 'container.log-format',
    group: 'container',
    clause: 'each log line is time, stream, tag and text (cri-api, log constants); stdout and stderr are told apart',
    proves: ['ContainerConfig.log_path', 'PodSandboxConfig.log_directory', 'LogLine.time', 'LogLine.stream', 'LogLine.tag', 'LogLine.text'],
    needs: [logs],
    async run(target, signal) {
      await target.withContainer({ command: ['sh', '-c', 'echo to out; echo to err >&2'] }, async (container) => {
        await container.finish(signal);
        const lines = container.log();
        for (const line of lines) expectTrue(logLine.test(line), `no CRI log line: ${line}`);
        expectTrue(
          lines.some((line) => / stdout F to out$/.test(line)),
          `stdout is missing: ${lines.join(' | ')}`,
        );
        expectTrue(
          lines.some((line) => / stderr F to err$/.test(line)),
          `stderr is missing: ${lines.join(' | ')}`,
        );
      });
    },
  },
  {
    id: 'container.environment',
    group: 'container',
    clause: 'envs, working_dir and args reach the process (api.proto, ContainerConfig)',
    proves: [
      'ContainerConfig.command',
      'ContainerConfig.args',
      'ContainerConfig.envs',
      'ContainerConfig.working_dir',
      'KeyValue.key',
      'KeyValue.value',
    ],
    needs: [logs],
    async run(target, signal) {
      const config = {
        command: ['sh', '-c'],
        args: ['echo "$GREETING from $(pwd)"'],
        envs: [{ key: 'GREETING', value: Buffer.from('hello') }],
        workingDir: '/tmp',
      };
      await target.withContainer(config, async (container) => {
        await container.finish(signal);
        expectTrue(
          container.log().some((line) => line.endsWith(' F hello from /tmp')),
          `got: ${container.log().join(' | ')}`,
        );
      });
    },
  },
  {
    id: 'container.volume',
    group: 'container',
    clause: 'a mount shows the host directory, and a read-only one cannot be written (api.proto, Mount)',
    proves: ['ContainerConfig.mounts', 'Mount.container_path', 'Mount.host_path', 'Mount.readonly'],
    needs: [hostMounts],
    async run(target, signal) {
      const directory = mkdtempSync(join(tmpdir(), 'berth-volume-'));
      writeFileSync(join(directory, 'in'), 'from the host\n');
      try {
        const mounts = [
          { containerPath: '/rw', hostPath: directory },
          { containerPath: '/ro', hostPath: directory, readonly: true },
        ];
        await target.withContainer({ command: ['sh', '-c', 'cat /ro/in > /rw/out; echo no > /ro/refused'], mounts }, async (container) => {
          await container.start();
          expectEqual((await container.ended(signal)).exitCode, 1, 'exit code of writing to a read-only mount');
        });
        expectEqual(readFileSync(join(directory, 'out'), 'utf8'), 'from the host\n', 'what the container wrote');
      } finally {
        rmSync(directory, { recursive: true, force: true });
      }
    },
  },
  {
    id: 'container.missing-command',
    group: 'container',
    clause: 'a command that is not in the image is an error of CreateContainer or StartContainer',
    proves: ['StartContainer'],
    needs: [processes],
    async run(target) {
      const call = target.withContainer({ command: ['/no/such/command'] }, (container) => container.start());
      await expectRefused(call, 'a command that does not exist');
    },
  },
  {
    id: 'container.status-verbose',
    group: 'container',
    clause: 'with verbose, ContainerStatus has more to tell a person (cri.proto, ContainerStatusResponse.info)',
    proves: ['ContainerStatusRequest.verbose', 'ContainerStatusResponse.info'],
    async run(target) {
      await target.withContainer({}, async ({ id }) => {
        expectTrue(Object.keys((await target.client.ContainerStatus({ containerId: id, verbose: true })).info).length > 0, 'info is empty');
        expectEqual(
          Object.keys((await target.client.ContainerStatus({ containerId: id })).info).length,
          0,
          'entries of info without verbose',
        );
      });
    },
  },
];
