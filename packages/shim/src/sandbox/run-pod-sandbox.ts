import { join } from 'node:path';
import type { PodSandboxConfig, RunPodSandboxRequest, RunPodSandboxResponse } from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import type { CallContext } from '@berth/sdk/serve';
import { creationTime } from '../creation-time.ts';
import { explainFullDisk } from '../files/full-disk.ts';
import { makePassable } from '../files/passable.ts';
import { newId } from '../identifiers.ts';
import type { Shim } from '../shim.ts';
import { UndoStack } from '../undo-stack.ts';
import { checkedConfig } from './checked-config.ts';
import type { NamespaceKind } from './namespace-names.ts';
import { writePodFiles } from './pod-files.ts';
import { describeSandbox, encodeConfig, type Sandbox, sandboxSpec, usesHostIpc, usesHostNetwork } from './sandbox.ts';
import { pinNamespaces, planNamespaces, unpinNamespaces } from './sandbox-namespaces.ts';
import { userNamespaceOf } from './user-namespace.ts';

/** CRI RunPodSandbox: namespaces, network, files, then the runtime's own sandbox. A failure leaves nothing. */
export async function runPodSandbox(shim: Shim, request: RunPodSandboxRequest, context: CallContext): Promise<RunPodSandboxResponse> {
  const config = checkedConfig(shim, request);
  const sandbox: Sandbox = { id: newId(), config, record: newRecord(config, request.runtimeHandler) };
  return shim.locks.hold(sandbox.id, context.signal, async () => {
    shim.sandboxes.reserve(config, sandbox.id);
    const undo = new UndoStack(shim.log);
    try {
      await create(shim, sandbox, undo, context);
      return { podSandboxId: sandbox.id };
    } catch (error) {
      const { complete } = await undo.run(() => shim.sandboxes.delete(sandbox.id));
      if (!complete) await leaveForStop(shim, sandbox);
      shim.calls.trim();
      throw explainFullDisk(error, shim.directories.root, describeSandbox(sandbox));
    }
  });
}

/** What can't be taken away at once is listed as not ready, so that the client stops and removes it, until that succeeds. */
async function leaveForStop(shim: Shim, sandbox: Sandbox): Promise<void> {
  sandbox.record.phase = 'stopping';
  try {
    await shim.sandboxes.note(sandbox);
  } catch (error) {
    shim.log.error({ err: error }, `could not record that ${describeSandbox(sandbox)} is to be removed`);
  }
}

function newRecord(config: PodSandboxConfig, runtimeHandler: string): Sandbox['record'] {
  return { config: encodeConfig(config), runtimeHandler, phase: 'creating', createdAt: creationTime(), namespaces: {}, files: {} };
}

async function create(shim: Shim, sandbox: Sandbox, undo: UndoStack, context: CallContext): Promise<void> {
  const { signal } = context;
  const { id, config, record } = sandbox;
  const kinds = namespaceKinds(shim, config);
  record.namespaces = planNamespaces(shim.directories.namespaces(id), kinds);
  if (record.namespaces.network !== undefined) record.attached = await shim.network.plan(config);
  await shim.sandboxes.add(sandbox);
  if (userNamespaceOf(config)) await makePassable(shim.directories.root, shim.directories.sandboxRuntime(id));
  await makeNetwork(shim, sandbox, kinds, undo, context);
  // A record of one object is written after the other: this one with what follows, the last one waits for it.
  const networkRecorded = shim.sandboxes.put(sandbox);
  networkRecorded.catch(() => undefined);
  record.files = await writePodFiles(join(shim.directories.sandboxes, id, 'files'), config, record.attached?.ips ?? []);
  const spec = sandboxSpec(sandbox, shim.directories);
  undo.add('its runtime part', async (limit) => {
    await shim.runtime.stopSandbox(spec, limit);
    await shim.runtime.removeSandbox(spec, limit);
  });
  await shim.runtime.createSandbox(spec, signal);
  const addresses = shim.features.network ? undefined : shim.runtime.addresses?.(spec);
  if (addresses) record.addresses = addresses;
  await networkRecorded;
  signal.throwIfAborted();
  // The runtime may have told of its end meanwhile.
  if (record.phase !== 'creating')
    throw new PluginError('UNAVAILABLE', 'it ended while it was being made', { object: describeSandbox(sandbox) });
  record.phase = 'ready';
  await shim.sandboxes.put(sandbox);
  shim.lifeCycle.sandboxMade(sandbox);
}

function namespaceKinds({ features }: Shim, config: PodSandboxConfig): NamespaceKind[] {
  const kinds: NamespaceKind[] = userNamespaceOf(config) ? ['user'] : [];
  if (features.network && !usesHostNetwork(config)) kinds.push('network');
  if (features.namespaces && !usesHostIpc(config)) kinds.push('ipc');
  if (features.namespaces && !usesHostNetwork(config)) kinds.push('uts');
  return kinds;
}

/** As recorded. The network has to be there before the runtime's sandbox is: a machine puts its tap into it. */
async function makeNetwork(shim: Shim, sandbox: Sandbox, kinds: NamespaceKind[], undo: UndoStack, context: CallContext): Promise<void> {
  const { id, config, record } = sandbox;
  const directory = shim.directories.namespaces(id);
  undo.add('its namespaces', (limit) => unpinNamespaces(directory, limit));
  const { network } = await pinNamespaces(directory, kinds, config.hostname, context.signal, userNamespaceOf(config));
  const { attached } = record;
  if (network === undefined || !attached) return;
  attached.ips = await shim.network.attach(network, { id, config, planned: attached }, context);
  undo.add('its network', (limit) => shim.network.detach(id, network, config, attached, limit));
}
