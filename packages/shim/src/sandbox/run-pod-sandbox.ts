import { join } from 'node:path';
import type { PodSandboxConfig, RunPodSandboxRequest, RunPodSandboxResponse } from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import type { CallContext } from '@berth/sdk/serve';
import { checkResources } from '../container/resource-limits.ts';
import { creationTime } from '../creation-time.ts';
import { newId } from '../identifiers.ts';
import { checkRefusals } from '../refusals.ts';
import type { Shim } from '../shim.ts';
import { UndoStack } from '../undo-stack.ts';
import { writePodFiles } from './pod-files.ts';
import { describeSandbox, encodeConfig, type Sandbox, sandboxSpec, usesHostIpc, usesHostNetwork } from './sandbox.ts';
import { type NamespaceKind, pinNamespaces, planNamespaces, unpinNamespaces } from './sandbox-namespaces.ts';

/** CRI RunPodSandbox: namespaces, network, files, then the runtime's own sandbox. A failure leaves nothing. */
export async function runPodSandbox(shim: Shim, request: RunPodSandboxRequest, { signal }: CallContext): Promise<RunPodSandboxResponse> {
  const config = checkedConfig(shim, request);
  const sandbox: Sandbox = { id: newId(), config, record: newRecord(config, request.runtimeHandler) };
  return shim.locks.hold(sandbox.id, signal, async () => {
    shim.sandboxes.reserve(config, sandbox.id);
    const undo = new UndoStack(shim.log);
    try {
      await create(shim, sandbox, undo, signal);
      return { podSandboxId: sandbox.id };
    } catch (error) {
      const { complete } = await undo.run(() => shim.sandboxes.delete(sandbox.id));
      if (!complete) await leaveForStop(shim, sandbox);
      shim.calls.trim();
      throw error;
    }
  });
}

/** What can't be taken away at once is listed as not ready, so that the client stops and removes it, until that succeeds. */
async function leaveForStop(shim: Shim, sandbox: Sandbox): Promise<void> {
  sandbox.record.phase = 'stopping';
  try {
    await shim.sandboxes.put(sandbox);
  } catch (error) {
    shim.log.error({ err: error }, `could not record that ${describeSandbox(sandbox)} is to be removed`);
  }
}

function newRecord(config: PodSandboxConfig, runtimeHandler: string): Sandbox['record'] {
  return { config: encodeConfig(config), runtimeHandler, phase: 'creating', createdAt: creationTime(), namespaces: {}, files: {} };
}

async function create(shim: Shim, sandbox: Sandbox, undo: UndoStack, signal: AbortSignal): Promise<void> {
  const { id, config, record } = sandbox;
  const kinds = namespaceKinds(shim, config);
  record.namespaces = planNamespaces(shim.directories.namespaces(id), kinds);
  if (record.namespaces.network !== undefined) record.attached = await shim.network.plan();
  await shim.sandboxes.add(sandbox);
  await makeNetwork(shim, sandbox, kinds, undo, signal);
  record.files = await writePodFiles(join(shim.directories.sandboxes, id, 'files'), config, record.attached?.ips ?? []);
  const spec = sandboxSpec(sandbox, shim.directories);
  undo.add('its runtime part', async (limit) => {
    await shim.runtime.stopSandbox(spec, limit);
    await shim.runtime.removeSandbox(spec, limit);
  });
  await shim.runtime.createSandbox(spec, signal);
  signal.throwIfAborted();
  record.phase = 'ready';
  await shim.sandboxes.put(sandbox);
  shim.lifeCycle.sandboxMade(sandbox);
}

function namespaceKinds({ features }: Shim, config: PodSandboxConfig): NamespaceKind[] {
  const kinds: NamespaceKind[] = [];
  if (features.network && !usesHostNetwork(config)) kinds.push('network');
  if (features.namespaces && !usesHostIpc(config)) kinds.push('ipc');
  if (features.namespaces && !usesHostNetwork(config)) kinds.push('uts');
  return kinds;
}

/** As recorded. The network has to be there before the runtime's sandbox is: a machine puts its tap into it. */
async function makeNetwork(shim: Shim, sandbox: Sandbox, kinds: NamespaceKind[], undo: UndoStack, signal: AbortSignal): Promise<void> {
  const { id, config, record } = sandbox;
  const directory = shim.directories.namespaces(id);
  undo.add('its namespaces', (limit) => unpinNamespaces(directory, limit));
  const { network } = await pinNamespaces(directory, kinds, config.hostname, signal);
  const { attached } = record;
  if (network === undefined || !attached) return;
  undo.add('its network', (limit) => shim.network.detach(id, network, config, attached, limit));
  attached.ips = await shim.network.attach(id, network, config, attached, signal);
  await shim.sandboxes.put(sandbox);
}

function checkedConfig(shim: Shim, { config, runtimeHandler }: RunPodSandboxRequest): PodSandboxConfig {
  if (runtimeHandler !== '' && runtimeHandler !== shim.handler) {
    throw new PluginError('INVALID_ARGUMENT', `this server has no handler ${JSON.stringify(runtimeHandler)}`, {
      object: 'runtime_handler',
      hint: `use "${shim.handler}" or leave it empty`,
    });
  }
  const { name, namespace, uid } = config?.metadata ?? {};
  if (!config || !name || !namespace || !uid) {
    throw new PluginError('INVALID_ARGUMENT', 'name, namespace and uid are required', { object: 'config.metadata' });
  }
  if (!/^([\dA-Za-z][-.\w]{0,63})?$/.test(config.hostname)) {
    throw new PluginError('INVALID_ARGUMENT', `${JSON.stringify(config.hostname)} is no host name`, {
      object: 'config.hostname',
      hint: 'use at most 64 letters, digits, "-", "." and "_"',
    });
  }
  checkCgroupParent(config.linux?.cgroupParent ?? '', `pod ${namespace}/${name}`);
  checkResources(config.linux?.resources, 'linux.resources', `pod ${namespace}/${name}`);
  checkResources(config.linux?.overhead, 'linux.overhead', `pod ${namespace}/${name}`);
  checkRefusals(config, shim.refusals, `pod ${namespace}/${name}`);
  return config;
}

/** Cgroups of its containers are made and removed below it. */
function checkCgroupParent(parent: string, object: string): void {
  if (parent.length <= 1000 && !parent.includes('\0') && !parent.split('/').includes('..')) return;
  throw new PluginError(
    'INVALID_ARGUMENT',
    `linux.cgroup_parent ${JSON.stringify(parent.slice(0, 100))} is no path below the cgroup root`,
    {
      object,
      hint: 'give a path without "..", such as /kubepods/podUID',
    },
  );
}
