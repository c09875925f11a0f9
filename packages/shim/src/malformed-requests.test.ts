import { ContainerConfig, LinuxContainerResources, NamespaceMode, PodSandboxConfig } from '@berth/sdk/cri';
import { type Code, PluginError } from '@berth/sdk/errors';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { containerConfig, podConfig, TestShim } from '../testing/test-shim.ts';

let shim: TestShim;
let pod: string;
let container: string;

beforeAll(async () => {
  shim = await TestShim.start();
  pod = await shim.runPod();
  container = await shim.runContainer(pod);
});

afterAll(() => shim.close());

/** Nothing that any object could have for an id. */
const wrongId = fc.oneof(
  fc.constantFrom('', '.', '..', '../..', '/etc/passwd', '%2e%2e', '\0', 'a/b', '-', 'x'.repeat(100_000), 'f'.repeat(64)),
  fc.string({ unit: 'grapheme', maxLength: 200 }).filter((text) => !/^[0-9a-f]*$/.test(text)),
);

const negative = fc.bigInt({ min: -(2n ** 63n), max: -2n });
const huge = fc.bigInt({ min: 2n ** 54n, max: 2n ** 63n - 1n });
const list = fc.constantFrom('0-', 'a', '0;1', '../0', '0,', '0 1', '1-2-3', '0'.repeat(5000));

type Limits = NonNullable<Parameters<typeof LinuxContainerResources.fromPartial>[0]>;

const wrongLimits: fc.Arbitrary<Limits> = fc.oneof(
  ...(['cpuPeriod', 'cpuQuota', 'cpuShares', 'memoryLimitInBytes', 'memorySwapLimitInBytes', 'oomScoreAdj'] as const).map((field) =>
    fc
      .oneof(
        negative.filter((value) => field !== 'oomScoreAdj' || value < -1000n),
        huge,
      )
      .map((value): Limits => ({ [field]: value })),
  ),
  list.map((cpusetCpus): Limits => ({ cpusetCpus })),
  list.map((cpusetMems): Limits => ({ cpusetMems })),
  fc.constantFrom('../2MB', '2MB/', '', 'MB', '2 MB', '-2MB').map((pageSize): Limits => ({ hugepageLimits: [{ pageSize, limit: 1n }] })),
  fc
    .constantFrom('../memory.max', '/etc/passwd', 'cgroup.procs/', '', 'memory', '..')
    .map((file): Limits => ({ unified: { [file]: '1' } })),
  fc.constant<Limits>({ hugepageLimits: Array.from({ length: 5000 }, () => ({ pageSize: '2MB', limit: 0n })) }),
);

const wrongCgroupParent = fc.constantFrom('../..', '/a/../../etc', '..', 'a/..', '/\0', 'x'.repeat(5000));

async function codeOf(call: Promise<unknown>): Promise<Code | 'OK'> {
  return call.then(
    () => 'OK',
    (error: unknown) => PluginError.from(error).code,
  );
}

async function objects() {
  const { items } = await shim.runtime.listPodSandbox({ filter: undefined });
  const { containers } = await shim.runtime.listContainers({ filter: undefined });
  return [items, containers, shim.leftovers().toSorted(), (await shim.containerStatus(container)).resources];
}

/** Every request gets one of `codes`, and nothing is made, removed or changed by any. */
async function refused<Input>(
  inputs: fc.Arbitrary<Input>,
  codes: (Code | 'OK')[],
  call: (input: Input) => Promise<unknown>,
): Promise<void> {
  const before = await objects();
  await fc.assert(
    fc.asyncProperty(inputs, async (input) => {
      expect(codes).toContain(await codeOf(call(input)));
    }),
    { numRuns: 60 },
  );
  expect(await objects()).toEqual(before);
}

describe('malformed requests', () => {
  it.each([
    ['ContainerStats', (containerId: string) => shim.runtime.containerStats({ containerId })],
    ['ContainerStatus', (containerId: string) => shim.runtime.containerStatus({ containerId, verbose: true })],
    ['PodSandboxStats', (podSandboxId: string) => shim.runtime.podSandboxStats({ podSandboxId })],
    ['PodSandboxStatus', (podSandboxId: string) => shim.runtime.podSandboxStatus({ podSandboxId, verbose: true })],
    [
      'UpdateContainerResources',
      (containerId: string) =>
        shim.runtime.updateContainerResources({
          containerId,
          linux: LinuxContainerResources.fromPartial({ cpuShares: 5n }),
          windows: undefined,
          annotations: {},
        }),
    ],
    [
      'UpdatePodSandboxResources',
      (podSandboxId: string) => shim.runtime.updatePodSandboxResources({ podSandboxId, overhead: undefined, resources: undefined }),
    ],
    ['CheckpointContainer', (containerId: string) => shim.runtime.checkpointContainer({ containerId, location: '/x', timeout: 0n })],
  ])('%s of an id that is none is NOT_FOUND', async (_, call) => refused(wrongId, ['NOT_FOUND'], call));

  it('lists filtered by an id that is none are empty', async () => {
    await refused(
      wrongId.filter((id) => id !== ''),
      ['OK'],
      async (id) => {
        const { runtime } = shim;
        expect((await runtime.listContainerStats({ filter: { id, podSandboxId: '', labelSelector: {} } })).stats).toEqual([]);
        expect((await runtime.listContainerStats({ filter: { id: '', podSandboxId: id, labelSelector: {} } })).stats).toEqual([]);
        expect((await runtime.listPodSandboxStats({ filter: { id, labelSelector: {} } })).stats).toEqual([]);
      },
    );
  });

  it('limits that no kernel takes are INVALID_ARGUMENT wherever they stand', async () => {
    await refused(wrongLimits, ['INVALID_ARGUMENT'], async (limits) => {
      const resources = LinuxContainerResources.fromPartial(limits);
      const calls = [
        shim.runtime.updateContainerResources({ containerId: container, linux: resources, windows: undefined, annotations: {} }),
        shim.runtime.updatePodSandboxResources({ podSandboxId: pod, overhead: undefined, resources }),
        shim.createContainer(pod, { metadata: { name: 'other' }, linux: { resources } }),
        shim.runPod({ metadata: { name: 'other', namespace: 'n', uid: 'u' }, linux: { resources } }),
      ];
      const codes = new Set(await Promise.all(calls.map(codeOf)));
      expect([...codes]).toEqual(['INVALID_ARGUMENT']);
      await calls[0];
    });
  });

  it('a security context that no container could have is INVALID_ARGUMENT', async () => {
    const wrong = fc.oneof(
      fc.oneof(negative, huge).map((value) => ({ runAsUser: { value } })),
      fc.oneof(negative, huge).map((value) => ({ runAsUser: { value: 1n }, runAsGroup: { value } })),
      fc.oneof(negative, huge).map((value) => ({ supplementalGroups: [1n, value] })),
      fc.integer({ min: 2, max: 1000 }).map((policy) => ({ supplementalGroupsPolicy: policy as never })),
      fc
        .tuple(fc.constantFrom('network', 'pid', 'ipc'), fc.integer({ min: 4, max: 1000 }))
        .map(([kind, mode]) => ({ namespaceOptions: { [kind]: mode } })),
      fc.constantFrom(
        { privileged: true },
        { runAsGroup: { value: 1n } },
        { runAsUser: { value: 1n }, runAsUsername: 'root' },
        { runAsUsername: 'nobody-here' },
        { namespaceOptions: { network: NamespaceMode.TARGET } },
        { namespaceOptions: { ipc: NamespaceMode.TARGET } },
      ),
    );
    await refused(wrong, ['INVALID_ARGUMENT'], (securityContext) =>
      shim.createContainer(pod, { metadata: { name: 'other' }, linux: { securityContext } }),
    );
  });

  it('a cgroup parent that leaves the root is INVALID_ARGUMENT', async () => {
    await refused(wrongCgroupParent, ['INVALID_ARGUMENT'], (cgroupParent) =>
      shim.runPod({ metadata: { name: 'other', namespace: 'n', uid: 'u' }, linux: { cgroupParent } }),
    );
  });

  it('any configuration gets an answer, and what is refused is not there', async () => {
    const text = fc.string({ unit: 'binary', maxLength: 20 });
    const configs = fc.record({
      mounts: fc.array(fc.record({ containerPath: text, hostPath: text, recursiveReadOnly: fc.boolean() }), { maxLength: 3 }),
      CDIDevices: fc.array(fc.record({ name: text }), { maxLength: 2 }),
      logPath: text,
      workingDir: text,
    });
    await fc.assert(
      fc.asyncProperty(configs, async (config) => {
        const request = {
          podSandboxId: pod,
          config: containerConfig({ metadata: { name: 'other' }, ...config }),
          sandboxConfig: undefined,
        };
        const made = await shim.runtime.createContainer(request).catch((error: unknown) => PluginError.from(error));
        if (made instanceof PluginError) expect(['INVALID_ARGUMENT', 'NOT_FOUND']).toContain(made.code);
        else await shim.runtime.removeContainer(made);
        const { containers } = await shim.runtime.listContainers({ filter: undefined });
        expect(containers.map(({ id }) => id)).toEqual([container]);
      }),
      { numRuns: 100 },
    );
  });

  it('unknown fields on the wire are passed over', () => {
    const unknown = Buffer.from([0xfa, 0x7f, 0x01, 0x00]);
    for (const [message, value] of [[PodSandboxConfig, podConfig()] as const, [ContainerConfig, containerConfig()] as const]) {
      expect(message.decode(Buffer.concat([message.encode(value as never).finish(), unknown]))).toEqual(value);
    }
  });
});
