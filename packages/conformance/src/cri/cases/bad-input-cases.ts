import { existsSync, readlinkSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expectEqual, expectTrue } from '../../expect.ts';
import { expectRefused, unlessRefused } from '../../refusals.ts';
import type { Case } from '../../suite.ts';
import type { SandboxConfig } from '../messages.ts';
import { mounts, namespaces, processes, sameHost } from '../needs.ts';
import { type CriTarget, podNamespaces } from '../target.ts';

const wrongIds = ['', '.', '..', '/', '../../etc', '/etc/passwd', 'a/b', 'x'.repeat(4000), 'ünïcode', 'a b', '\u0000', '%2e%2e'];

async function expectAlive({ client }: CriTarget): Promise<void> {
  expectTrue((await client.Version({})).runtimeName !== '', 'the server no longer answers');
}

/** A sandbox that should be refused is removed if it is made all the same. */
async function expectSandboxRefused(target: CriTarget, config: SandboxConfig | undefined, what: string): Promise<void> {
  const call = target.client.RunPodSandbox({ ...(config && { config }), runtimeHandler: target.options.handler ?? '' });
  await expectRefused(
    call.then(({ podSandboxId }) => target.client.RemovePodSandbox({ podSandboxId })),
    what,
  );
}

/** Requests that nobody should send: a clear refusal, and nothing lost. */
export const badInputCases: Case<CriTarget>[] = [
  {
    id: 'bad-input.container-ids',
    group: 'bad input',
    clause: 'a container id that is a path, empty, or very long is refused as unknown (cri.proto, ContainerStatus)',
    proves: ['ContainerStatus', 'StartContainer', 'ExecSync'],
    async run(target) {
      for (const containerId of wrongIds) {
        const shown = JSON.stringify(containerId.slice(0, 20));
        await expectRefused(target.client.ContainerStatus({ containerId }), `ContainerStatus of ${shown}`);
        await expectRefused(target.client.StartContainer({ containerId }), `StartContainer of ${shown}`);
        await expectRefused(target.client.ExecSync({ containerId, cmd: ['true'] }), `ExecSync in ${shown}`);
      }
      await expectAlive(target);
    },
  },
  {
    id: 'bad-input.sandbox-ids',
    group: 'bad input',
    clause: 'a sandbox id that is a path, empty, or very long is refused as unknown (cri.proto, PodSandboxStatus)',
    proves: ['PodSandboxStatus', 'PortForward'],
    async run(target) {
      for (const podSandboxId of wrongIds)
        await expectRefused(
          target.client.PodSandboxStatus({ podSandboxId }),
          `PodSandboxStatus of ${JSON.stringify(podSandboxId.slice(0, 20))}`,
        );
      await expectAlive(target);
    },
  },
  {
    id: 'bad-input.removals',
    group: 'bad input',
    clause: 'removing ids that are paths removes nothing, and harms no one (cri.proto, RemovePodSandbox)',
    proves: ['RemovePodSandbox', 'RemoveContainer'],
    async run(target) {
      const pod = await target.sharedPod();
      for (const id of wrongIds.slice(1)) {
        await unlessRefused(target.client.RemoveContainer({ containerId: id }));
        await unlessRefused(target.client.RemovePodSandbox({ podSandboxId: id }));
      }
      expectTrue(await pod.isReady(), 'a sandbox is gone');
      expectTrue(existsSync(pod.logDirectory), 'a log directory is gone');
      await expectAlive(target);
    },
  },
  {
    id: 'bad-input.no-sandbox-config',
    group: 'bad input',
    clause: 'RunPodSandbox without a configuration is refused (cri.proto, RunPodSandboxRequest.config)',
    proves: ['RunPodSandboxRequest.config'],
    async run(target) {
      await expectSandboxRefused(target, undefined, 'RunPodSandbox without config');
      await expectAlive(target);
    },
  },
  {
    id: 'bad-input.no-sandbox-metadata',
    group: 'bad input',
    clause: 'RunPodSandbox without metadata is refused (cri.proto, PodSandboxConfig.metadata)',
    proves: ['PodSandboxConfig.metadata'],
    async run(target) {
      const { metadata: _, ...config } = target.sandboxConfig();
      await expectSandboxRefused(target, config as SandboxConfig, 'RunPodSandbox without metadata');
      await expectAlive(target);
    },
  },
  {
    id: 'bad-input.no-container-config',
    group: 'bad input',
    clause: 'CreateContainer without a configuration is refused (cri.proto, CreateContainerRequest.config)',
    proves: ['CreateContainerRequest.config'],
    async run(target) {
      const { id, config } = await target.sharedPod();
      await expectRefused(target.client.CreateContainer({ podSandboxId: id, sandboxConfig: config }), 'CreateContainer without config');
      await expectAlive(target);
    },
  },
  {
    id: 'bad-input.no-container-metadata',
    group: 'bad input',
    clause: 'CreateContainer without metadata is refused (cri.proto, ContainerConfig.metadata)',
    proves: ['ContainerConfig.metadata'],
    async run(target) {
      const pod = await target.sharedPod();
      await expectRefused(pod.create({ metadata: undefined as never }), 'CreateContainer without metadata');
      await expectAlive(target);
    },
  },
  {
    id: 'bad-input.no-image',
    group: 'bad input',
    clause: 'CreateContainer without an image is refused (cri.proto, ContainerConfig.image)',
    proves: ['ContainerConfig.image'],
    async run(target) {
      const pod = await target.sharedPod();
      await expectRefused(pod.create({ image: { image: '' } }), 'CreateContainer with an empty image');
      await expectRefused(pod.create({ image: undefined as never }), 'CreateContainer without an image');
      await expectAlive(target);
    },
  },
  {
    id: 'bad-input.image-names',
    group: 'bad input',
    clause: 'an image name that is none is refused by PullImage (cri.proto, ImageSpec.image)',
    proves: ['PullImage', 'ImageSpec.image'],
    async run(target) {
      for (const image of ['', '..', '/', 'UPPER/Case:1', 'name:tag:tag', 'x@sha256:123', 'a b', 'http://127.0.0.1/x:1'])
        await expectRefused(target.client.PullImage({ image: { image } }, { deadlineMs: 20_000 }), `PullImage of ${JSON.stringify(image)}`);
      await expectAlive(target);
    },
  },
  {
    id: 'bad-input.empty-command',
    group: 'bad input',
    clause: 'ExecSync without a command is refused (cri.proto, ExecSyncRequest.cmd)',
    proves: ['ExecSyncRequest.cmd'],
    needs: [processes],
    async run(target) {
      await target.withContainer({}, async (container) => {
        await container.start();
        await expectRefused(container.execSync([]), 'ExecSync without cmd');
        await expectRefused(container.execSync(['']), 'ExecSync of an empty program');
      });
    },
  },
  {
    id: 'bad-input.log-path',
    group: 'bad input',
    clause: 'a log_path that leads out of log_directory is refused, or kept inside (cri.proto, ContainerConfig.log_path)',
    proves: ['ContainerConfig.log_path'],
    needs: [processes],
    async run(target) {
      const { logDirectory } = await target.sharedPod();
      const outside = join(logDirectory, '../berth-conformance-escaped.log');
      const change = { logPath: '../berth-conformance-escaped.log' };
      try {
        await unlessRefused(target.withContainer(change, (container) => container.start()));
        expectEqual(existsSync(outside), false, 'whether the log was written outside');
      } finally {
        rmSync(outside, { force: true });
      }
      await expectAlive(target);
    },
  },
  {
    id: 'bad-input.mount-target',
    group: 'bad input',
    clause: 'a container_path that climbs out of the root file system stays inside it, or is refused (cri.proto, Mount.container_path)',
    proves: ['Mount.container_path'],
    needs: [mounts],
    async run(target, signal) {
      const { logDirectory: hostPath } = await target.sharedPod();
      const list = [{ containerPath: '/../../../climbed', hostPath }];
      const script = 'test -d /climbed && echo inside || echo nowhere';
      const where = await unlessRefused(target.script(script, signal, { mounts: list }));
      expectEqual(where ?? 'inside', 'inside', 'where the mount is, if it is not refused');
      expectEqual(existsSync('/climbed'), false, 'whether it is on the host');
      await expectAlive(target);
    },
  },
  {
    id: 'bad-input.unknown-enum',
    group: 'bad input',
    clause: "an unknown namespace mode is refused, or at least isn't taken for the host's (cri.proto, NamespaceMode)",
    proves: ['NamespaceOption.pid'],
    needs: [processes, sameHost],
    async run(target) {
      const namespaceOptions = { network: 'POD', pid: 77, ipc: 'POD' } as never;
      const started = target.withContainer({ linux: { securityContext: { namespaceOptions } } }, async (container) => {
        await container.start();
        return container.script('readlink /proc/self/ns/pid');
      });
      const namespace = await unlessRefused(started);
      expectTrue(namespace !== readlinkSync('/proc/self/ns/pid'), "the container has the host's PID namespace");
      await expectAlive(target);
    },
  },
  {
    id: 'bad-input.negative-timeout',
    group: 'bad input',
    clause:
      'a negative timeout of StopContainer hangs no one: the container ends, or the call is refused (cri.proto, StopContainerRequest.timeout)',
    proves: ['StopContainerRequest.timeout'],
    async run(target) {
      await target.withContainer({}, async (container) => {
        await container.start();
        const stopped = await unlessRefused(container.stop(-1).then(() => true));
        const { state } = await container.status();
        expectEqual(state === 'CONTAINER_EXITED', stopped ?? false, 'whether the container ended');
      });
    },
  },
  {
    id: 'bad-input.environment-names',
    group: 'bad input',
    clause:
      'a variable whose name has an equals sign, or none at all, is refused or left out, and harms no other (cri.proto, KeyValue.key)',
    proves: ['KeyValue.key'],
    needs: [processes],
    async run(target, signal) {
      const envs = ['', 'A=B', 'GOOD'].map((key) => ({ key, value: Buffer.from('value') }));
      const output = await unlessRefused(target.script('echo "$GOOD"', signal, { envs }));
      expectEqual(output ?? 'value', 'value', 'the good variable, if it is not refused');
      await expectAlive(target);
    },
  },
  {
    id: 'bad-input.sysctl',
    group: 'bad input',
    clause: 'a kernel parameter that no namespace has is refused (cri.proto, LinuxPodSandboxConfig.sysctls)',
    proves: ['LinuxPodSandboxConfig.sysctls'],
    needs: [processes],
    async run(target) {
      const wrong = { 'kernel.no_such_parameter': '1' };
      const call = target.withPod({ linux: { sysctls: wrong } }, (pod) => pod.start());
      await expectRefused(call, 'an unknown kernel parameter');
      await expectAlive(target);
    },
  },
  {
    id: 'bad-input.sysctl-of-host',
    group: 'bad input',
    clause: 'a kernel parameter of a namespace that the pod shares with the host is refused (cri.proto, LinuxPodSandboxConfig.sysctls)',
    proves: ['LinuxPodSandboxConfig.sysctls'],
    needs: [namespaces],
    async run(target) {
      const securityContext = { namespaceOptions: { ...podNamespaces, network: 'NODE' as const } };
      const sysctls = { 'net.ipv4.ip_unprivileged_port_start': '81' };
      const call = target.withPod({ hostname: '', linux: { securityContext, sysctls } }, (pod) => pod.start());
      await expectRefused(call, "a kernel parameter of the host's network");
      await expectAlive(target);
    },
  },
  {
    id: 'bad-input.sandbox-group',
    group: 'bad input',
    clause: 'run_as_group of a sandbox without run_as_user is refused (cri.proto, LinuxSandboxSecurityContext.run_as_group)',
    proves: ['LinuxSandboxSecurityContext.run_as_group'],
    async run(target) {
      const securityContext = { namespaceOptions: podNamespaces, runAsGroup: { value: 2345 } };
      await expectRefused(
        target.withPod({ linux: { securityContext } }, async (pod) => pod.status()),
        'a group without a user',
      );
    },
  },
  {
    id: 'bad-input.large-labels',
    group: 'bad input',
    clause: 'annotations of a megabyte come back unaltered, or are refused (cri.proto, PodSandboxConfig.annotations)',
    proves: ['PodSandboxConfig.annotations'],
    async run(target) {
      const text = 'x'.repeat(1024 * 1024);
      const made = target.withPod(
        { annotations: { 'example.com/large': text } },
        async (pod) => (await pod.status()).annotations['example.com/large'] ?? '',
      );
      const back = (await unlessRefused(made)) ?? text;
      expectTrue(back === text, `an annotation of ${text.length} bytes came back with ${back.length}`);
      await expectAlive(target);
    },
  },
];
