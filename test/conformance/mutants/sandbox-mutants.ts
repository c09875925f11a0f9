import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PodSandboxState } from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import type { Mutation, RealServer } from '../mutant-server.ts';
import { type Mutant, once } from './mutant.ts';

/** Rules about sandboxes: their lives, names and namespaces, the order of calls, and restarts. */
export const sandboxMutants: Mutant[] = [
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
    saying: 'ids given again',
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
    breaks: 'gives every sandbox the same address',
    caughtBy: 'concurrency.sandboxes',
    saying: 'addresses given again',
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
];

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
