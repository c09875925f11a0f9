import { writeFileSync } from 'node:fs';
import { MountPropagation } from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import { creating, type Mutant, once, securing, telling } from './mutant.ts';

/** Rules about containers: their lives, and what they may ask for. */
export const containerMutants: Mutant[] = [
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
    breaks: 'gives every right on a device',
    caughtBy: 'mount.device-permissions',
    saying: 'got "opened"',
    mutation: creating((config) => ({ ...config, devices: config.devices.map((device) => ({ ...device, permissions: 'rwm' })) })),
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
];
