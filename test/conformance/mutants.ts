import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type ContainerConfig,
  ContainerEventType,
  ContainerState,
  type ContainerStatus,
  type LinuxContainerSecurityContext,
  MountPropagation,
  PodSandboxState,
} from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import type { Mutation, RealServer } from './mutant-server.ts';

/** A server that breaks one rule, and the case that has to notice. */
export interface Mutant {
  breaks: string;
  caughtBy: string;
  /** Part of the reason that the case gives: it fails for what is broken, not for something else. */
  saying: string;
  mutation: Mutation;
}

/** What CreateContainer passes on is another configuration than the client's. */
function creating(change: (config: ContainerConfig) => ContainerConfig): Mutation {
  return ({ runtime }) => ({
    runtime: {
      createContainer: (request) => runtime.createContainer({ ...request, config: request.config && change(request.config) }),
    },
  });
}

/** The same for its security context. */
function securing(change: Partial<LinuxContainerSecurityContext>): Mutation {
  return creating((config) => {
    const securityContext = config.linux?.securityContext;
    if (!config.linux || !securityContext) return config;
    return { ...config, linux: { ...config.linux, securityContext: { ...securityContext, ...change } } };
  });
}

/** ContainerStatus says something else than what is. */
function telling(change: (status: ContainerStatus) => ContainerStatus): Mutation {
  return ({ runtime }) => ({
    runtime: {
      async containerStatus(request) {
        const response = await runtime.containerStatus(request);
        return { ...response, status: response.status && change(response.status) };
      },
    },
  });
}

/** The log of a container that has ended is changed, once. */
function rewritingLogs(change: (text: string) => string): Mutation {
  const done = new Set<string>();
  return telling((status) => {
    if (status.state === ContainerState.CONTAINER_EXITED && existsSync(status.logPath) && !done.has(status.id)) {
      done.add(status.id);
      writeFileSync(status.logPath, change(readFileSync(status.logPath, 'utf8')));
    }
    return status;
  });
}

function notFound(id: string): PluginError {
  return new PluginError('NOT_FOUND', 'there is none', { object: id });
}

/** Refuses a second call about the same id. */
function once(): (id: string) => void {
  const seen = new Set<string>();
  return (id) => {
    if (seen.has(id)) throw notFound(id);
    seen.add(id);
  };
}

const hour = 3_600_000_000_000n;

/** Rules of the protocol, each broken by one server. */
export const mutants: Mutant[] = [
  {
    breaks: 'forgets that StopPodSandbox is idempotent',
    caughtBy: 'sandbox.stop-twice',
    saying: 'there is none',
    mutation({ runtime }) {
      const first = once();
      return {
        runtime: {
          async stopPodSandbox(request) {
            first(request.podSandboxId);
            return runtime.stopPodSandbox(request);
          },
        },
      };
    },
  },
  {
    breaks: 'forgets that RemoveContainer is idempotent',
    caughtBy: 'container.remove-twice',
    saying: 'there is none',
    mutation({ runtime }) {
      const first = once();
      return {
        runtime: {
          async removeContainer(request) {
            first(request.containerId);
            return runtime.removeContainer(request);
          },
        },
      };
    },
  },
  {
    breaks: 'refuses to stop an unknown container',
    caughtBy: 'order.stop-unknown',
    saying: 'there is none',
    mutation: ({ runtime }) => ({
      runtime: {
        async stopContainer(request) {
          await runtime.containerStatus({ containerId: request.containerId, verbose: false });
          return runtime.stopContainer(request);
        },
      },
    }),
  },
  {
    breaks: 'lets a container be started twice',
    caughtBy: 'order.start-twice',
    saying: 'the call succeeded',
    mutation: ({ runtime }) => ({ runtime: { startContainer: (request) => runtime.startContainer(request).catch(() => ({})) } }),
  },
  {
    breaks: 'answers StopContainer before the container has ended',
    caughtBy: 'container.stop-twice',
    saying: 'state: expected "CONTAINER_EXITED", got "CONTAINER_RUNNING"',
    mutation: () => ({ runtime: { stopContainer: () => ({}) } }),
  },
  {
    breaks: 'kills at once on StopContainer',
    caughtBy: 'container.stop-signal-first',
    saying: 'exit_code: expected 7, got 137',
    mutation: ({ runtime }) => ({ runtime: { stopContainer: (request) => runtime.stopContainer({ ...request, timeout: 0n }) } }),
  },
  {
    breaks: 'answers the status of an unknown sandbox with nothing',
    caughtBy: 'sandbox.status-unknown',
    saying: 'the call succeeded',
    mutation: ({ runtime }) => ({
      runtime: {
        podSandboxStatus: (request) =>
          runtime.podSandboxStatus(request).catch(() => ({ status: undefined, info: {}, containersStatuses: [], timestamp: 0n })),
      },
    }),
  },
  {
    breaks: 'makes a second sandbox for the same metadata',
    caughtBy: 'sandbox.same-metadata',
    saying: 'the sandbox of the second call',
    mutation({ runtime }) {
      const made: string[] = [];
      const known = new Set<string>();
      return {
        runtime: {
          async runPodSandbox(request) {
            const { config } = request;
            if (!config?.metadata || !known.has(config.metadata.uid)) {
              known.add(config?.metadata?.uid ?? '');
              return runtime.runPodSandbox(request);
            }
            const metadata = { ...config.metadata, attempt: 99 };
            const response = await runtime.runPodSandbox({ ...request, config: { ...config, metadata } });
            made.push(response.podSandboxId);
            return response;
          },
        },
        async cleanUp() {
          for (const podSandboxId of made)
            await runtime.stopPodSandbox({ podSandboxId }).then(() => runtime.removePodSandbox({ podSandboxId }));
        },
      };
    },
  },
  {
    breaks: 'gives the id of a removed container again',
    caughtBy: 'order.name-free-after-removal',
    saying: 'different ids: expected 3, got 1',
    mutation: ({ runtime }) => {
      const real = new Map<string, string>();
      const containerId = (id: string): string => real.get(id) ?? id;
      return {
        runtime: {
          async createContainer(request) {
            const created = await runtime.createContainer(request);
            const { name = '', attempt = 0 } = request.config?.metadata ?? {};
            const alias = createHash('sha256').update(`${request.podSandboxId} ${name} ${attempt}`).digest('hex');
            real.set(alias, created.containerId);
            return { containerId: alias };
          },
          removeContainer: (request) => runtime.removeContainer({ containerId: containerId(request.containerId) }),
        },
      };
    },
  },
  {
    breaks: 'leaks the network namespace of a removed sandbox',
    caughtBy: 'pod.namespaces-freed',
    saying: 'who still holds net:',
    mutation: leakingNamespaces,
  },
  {
    breaks: 'loses the last line of a log',
    caughtBy: 'log.many-lines',
    saying: 'lines: expected 20000, got 19999',
    mutation: rewritingLogs(withoutLastLine),
  },
  {
    breaks: 'logs stderr as stdout',
    caughtBy: 'log.streams-apart',
    saying: 'stdout: expected',
    mutation: rewritingLogs((text) => text.replaceAll(' stderr ', ' stdout ')),
  },
  {
    breaks: 'tells every exit code as 0',
    caughtBy: 'container.exit-code',
    saying: 'exit_code: expected 3, got 0',
    mutation: telling((status) => ({ ...status, exitCode: 0 })),
  },
  {
    breaks: 'does not tell when a container ended',
    caughtBy: 'container.lifecycle',
    saying: 'times out of order',
    mutation: telling((status) => ({ ...status, finishedAt: 0n })),
  },
  {
    breaks: 'tells another image than the one that runs',
    caughtBy: 'image.of-container',
    saying: 'image sha256:0000',
    mutation: telling((status) => ({ ...status, imageRef: `sha256:${'0'.repeat(64)}`, imageId: `sha256:${'0'.repeat(64)}` })),
  },
  {
    breaks: 'tells creation times by the hour',
    caughtBy: 'filter.created-order',
    saying: 'the first was made at',
    mutation: telling((status) => ({ ...status, createdAt: (status.createdAt / hour) * hour })),
  },
  {
    breaks: 'drops annotations of sandboxes',
    caughtBy: 'sandbox.attributes',
    saying: 'annotation example.com/note',
    mutation: ({ runtime }) => ({
      runtime: {
        runPodSandbox: (request) => runtime.runPodSandbox({ ...request, config: request.config && { ...request.config, annotations: {} } }),
      },
    }),
  },
  {
    breaks: 'forgets labels at a restart',
    caughtBy: 'restart.keeps-attributes',
    // The case compares JSON, and quotes it: labels, then annotations.
    saying: String.raw`},{},{\"example.com/kept\"`,
    mutation({ runtime }) {
      let restarted = false;
      return {
        runtime: {
          async containerStatus(request) {
            const response = await runtime.containerStatus(request);
            return restarted && response.status ? { ...response, status: { ...response.status, labels: {} } } : response;
          },
        },
        restart: async () => {
          restarted = true;
        },
      };
    },
  },
  {
    breaks: 'ignores that a filter may hold the beginning of an id',
    caughtBy: 'filter.container-prefix',
    saying: 'containers of that beginning',
    mutation: ({ runtime }) => ({
      runtime: {
        async listContainers(request) {
          const { containers } = await runtime.listContainers(request);
          const id = request.filter?.id ?? '';
          return { containers: containers.filter((container) => id === '' || container.id === id) };
        },
      },
    }),
  },
  {
    breaks: 'ignores the state in a filter',
    caughtBy: 'filter.container-state',
    saying: 'CONTAINER_CREATED,CONTAINER_RUNNING',
    mutation: ({ runtime }) => ({
      runtime: {
        listContainers: (request) => runtime.listContainers({ filter: request.filter && { ...request.filter, state: undefined } }),
      },
    }),
  },
  {
    breaks: 'ignores labels in a filter',
    caughtBy: 'filter.labels-all',
    saying: 'sandboxes with {"example.com/app":"web","tier":"back"}: expected 0, got 1',
    mutation: ({ runtime }) => ({
      runtime: {
        listPodSandbox: (request) => runtime.listPodSandbox({ filter: request.filter && { ...request.filter, labelSelector: {} } }),
      },
    }),
  },
  {
    breaks: 'ignores readonly of a mount',
    caughtBy: 'container.volume',
    saying: 'exit code of writing to a read-only mount: expected 1, got 0',
    mutation: creating((config) => ({ ...config, mounts: config.mounts.map((mount) => ({ ...mount, readonly: false })) })),
  },
  {
    breaks: 'makes every mount private',
    caughtBy: 'mount.propagation-host-to-container',
    saying: 'whether it is seen: expected true, got false',
    mutation: creating((config) => ({
      ...config,
      mounts: config.mounts.map((mount) => ({ ...mount, propagation: MountPropagation.PROPAGATION_PRIVATE })),
    })),
  },
  {
    breaks: 'ignores readonly_rootfs',
    caughtBy: 'security.readonly-rootfs',
    saying: 'got "written"',
    mutation: securing({ readonlyRootfs: false }),
  },
  {
    breaks: 'runs everything as root',
    caughtBy: 'security.run-as-user',
    saying: 'expected "4567", got "0"',
    mutation: securing({ runAsUser: undefined }),
  },
  {
    breaks: 'ignores capabilities',
    caughtBy: 'security.drop-capability',
    saying: 'CAP_CHOWN is there',
    mutation: securing({ capabilities: undefined }),
  },
  { breaks: 'ignores masked paths', caughtBy: 'security.masked-paths', saying: 'root:x:0', mutation: securing({ maskedPaths: [] }) },
  {
    breaks: 'ignores no_new_privs',
    caughtBy: 'security.no-new-privs',
    saying: 'NoNewPrivs: expected "1", got "0"',
    mutation: securing({ noNewPrivs: false }),
  },
  {
    breaks: 'loses the environment',
    caughtBy: 'process.env-value',
    saying: 'bytes of the value',
    mutation: creating((config) => ({ ...config, envs: [] })),
  },
  {
    breaks: 'gives no terminal',
    caughtBy: 'process.tty',
    saying: 'exit code of the test for terminals: expected 0, got 1',
    mutation: creating((config) => ({ ...config, tty: false })),
  },
  {
    breaks: 'sets no memory limit',
    caughtBy: 'resource.memory-limit',
    saying: 'limit: expected "67108864"',
    mutation: creating((config) => ({ ...config, linux: config.linux && { ...config.linux, resources: undefined } })),
  },
  {
    breaks: 'mixes stderr into stdout',
    caughtBy: 'exec-sync.result',
    saying: 'got "to out\\nto err\\n"',
    mutation: ({ runtime }) => ({
      runtime: {
        async execSync(request) {
          const { stdout, stderr, exitCode } = await runtime.execSync(request);
          return { stdout: Buffer.concat([stdout, stderr]), stderr: Buffer.alloc(0), exitCode };
        },
      },
    }),
  },
  {
    breaks: 'cuts output off at a megabyte',
    caughtBy: 'exec-sync.large-output',
    saying: 'bytes of stdout: expected 4194304, got 1048576',
    mutation: ({ runtime }) => ({
      runtime: {
        async execSync(request) {
          const response = await runtime.execSync(request);
          return { ...response, stdout: response.stdout.subarray(0, 1024 * 1024) };
        },
      },
    }),
  },
  {
    breaks: 'gives every sandbox the same address',
    caughtBy: 'concurrency.sandboxes',
    saying: 'different addresses',
    mutation: ({ runtime }) => ({
      runtime: {
        async podSandboxStatus(request) {
          const response = await runtime.podSandboxStatus(request);
          const network = { ip: '10.0.0.2', additionalIps: [] };
          return { ...response, status: response.status && { ...response.status, network } };
        },
      },
    }),
  },
  {
    breaks: 'leaves a command alone that exceeds its timeout',
    caughtBy: 'exec-sync.timeout',
    saying: 'the command still runs',
    mutation: ({ runtime }) => ({
      runtime: {
        async execSync(request) {
          const running = runtime.execSync({ ...request, timeout: 0n });
          running.catch(() => undefined);
          if (request.timeout === 0n) return running;
          await sleep(Number(request.timeout) * 1000);
          throw new PluginError('DEADLINE_EXCEEDED', 'the command took too long');
        },
      },
    }),
  },
  {
    breaks: 'loses a line when it reopens a log',
    caughtBy: 'log.reopen',
    saying: 'of both files',
    mutation: ({ runtime }) => ({
      runtime: {
        async reopenContainerLog(request) {
          const response = await runtime.reopenContainerLog(request);
          const { status } = await runtime.containerStatus({ containerId: request.containerId, verbose: false });
          const rotated = `${status?.logPath}.1`;
          writeFileSync(rotated, withoutLastLine(readFileSync(rotated, 'utf8')));
          return response;
        },
      },
    }),
  },
  {
    breaks: 'goes on in the old file when it reopens a log',
    caughtBy: 'log.reopen',
    saying: 'no new log file',
    mutation: () => ({ runtime: { reopenContainerLog: () => ({}) } }),
  },
  {
    breaks: 'says that it wrote a checkpoint, and writes none',
    caughtBy: 'container.checkpoint-answer',
    saying: 'whether there is an archive: expected true, got false',
    mutation: () => ({ runtime: { checkpointContainer: () => ({}) } }),
  },
  {
    breaks: 'leaves part of an archive where it refuses a checkpoint',
    caughtBy: 'container.checkpoint-answer',
    saying: 'whether there is an archive: expected false, got true',
    mutation: () => ({
      runtime: {
        checkpointContainer({ location }) {
          writeFileSync(location, 'part');
          throw new PluginError('FAILED_PRECONDITION', 'there is no CRIU on this host');
        },
      },
    }),
  },
  {
    breaks: 'refuses to remove a sandbox that was not stopped',
    caughtBy: 'order.remove-ready-sandbox',
    saying: 'it is ready',
    mutation: ({ runtime }) => ({
      runtime: {
        async removePodSandbox(request) {
          const { items } = await runtime.listPodSandbox({ filter: { id: request.podSandboxId, state: undefined, labelSelector: {} } });
          if (items[0]?.state === PodSandboxState.SANDBOX_READY) throw new PluginError('FAILED_PRECONDITION', 'it is ready');
          return runtime.removePodSandbox(request);
        },
      },
    }),
  },
  {
    breaks: 'gives every right on a device',
    caughtBy: 'mount.device-permissions',
    saying: 'got "opened"',
    mutation: creating((config) => ({ ...config, devices: config.devices.map((device) => ({ ...device, permissions: 'rwm' })) })),
  },
  {
    breaks: 'opens a mapped port at every address',
    caughtBy: 'pod.host-port-address',
    saying: 'a port that is mapped at another address is open here',
    mutation: ({ runtime }) => ({
      runtime: {
        runPodSandbox(request) {
          const portMappings = request.config?.portMappings.map((mapping) => ({ ...mapping, hostIp: '' })) ?? [];
          return runtime.runPodSandbox({ ...request, config: request.config && { ...request.config, portMappings } });
        },
      },
    }),
  },
  {
    breaks: 'changes no limits',
    caughtBy: 'resource.update',
    saying: 'limit: expected "100663296", got "67108864"',
    mutation: () => ({ runtime: { updateContainerResources: () => ({}) } }),
  },
  {
    breaks: 'does not tell that the kernel killed a process for its memory',
    caughtBy: 'resource.out-of-memory',
    saying: 'reason: expected "OOMKilled", got "Error"',
    mutation: telling((status) => ({ ...status, reason: status.reason && 'Error' })),
  },
  {
    breaks: 'tells nobody that a container was started',
    caughtBy: 'event.life-cycle',
    saying: 'events of the container',
    mutation: ({ runtime }) => ({
      runtime: {
        async *getContainerEvents(request, { signal }) {
          for await (const event of runtime.getContainerEvents(request, { signal }))
            if (event.containerEventType !== ContainerEventType.CONTAINER_STARTED_EVENT) yield event;
        },
      },
    }),
  },
  {
    breaks: 'streams an image twice',
    caughtBy: 'image.stream',
    saying: 'ids: expected',
    mutation: ({ images }) => ({
      images: {
        async *streamImages(request, { signal }) {
          for await (const message of images.streamImages(request, { signal })) yield* [message, message];
        },
      },
    }),
  },
  {
    breaks: 'answers for an absent image with an error',
    caughtBy: 'image.status-absent',
    saying: 'there is none',
    mutation: ({ images }) => ({
      images: {
        async imageStatus(request) {
          const response = await images.imageStatus(request);
          if (!response.image) throw notFound(request.image?.image ?? '');
          return response;
        },
      },
    }),
  },
];

function withoutLastLine(text: string): string {
  return text.slice(0, text.lastIndexOf('\n', text.length - 2) + 1);
}

/** Holds each sandbox's network namespace by a mount of its own before the server gives it back. */
function leakingNamespaces({ runtime }: RealServer): ReturnType<Mutation> {
  const directory = mkdtempSync(join(tmpdir(), 'berth-leak-'));
  const held: string[] = [];
  return {
    runtime: {
      async stopPodSandbox(request) {
        const pin = mountPoints().find((path) => path.endsWith(`/${request.podSandboxId}/network`));
        if (pin) {
          const file = join(directory, request.podSandboxId);
          writeFileSync(file, '');
          execFileSync('mount', ['--bind', pin, file]);
          held.push(file);
        }
        return runtime.stopPodSandbox(request);
      },
    },
    async cleanUp() {
      for (const file of held) execFileSync('umount', [file]);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function mountPoints(): string[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '');
}
