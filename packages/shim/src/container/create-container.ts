import { join } from 'node:path';
import type { ContainerConfig, CreateContainerRequest, CreateContainerResponse } from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import type { CallContext } from '@berth/sdk/serve';
import { checkText } from '../check-text.ts';
import { creationTime } from '../creation-time.ts';
import { neverRanExitCode } from '../exit-code.ts';
import { explainFullDisk } from '../files/full-disk.ts';
import { makePassable } from '../files/passable.ts';
import { newId } from '../identifiers.ts';
import { checkRefusals } from '../refusals.ts';
import type { Sandbox } from '../sandbox/sandbox.ts';
import type { Shim } from '../shim.ts';
import { UndoStack } from '../undo-stack.ts';
import { checkSecurityContext } from './check-security-context.ts';
import { type Container, type ContainerRecord, containerSpec, describeContainer, encodeContainerConfig } from './container.ts';
import { mountIdmappedVolumes, unmountIdmappedVolumes, userNamespaceOwner } from './idmapped-volumes.ts';
import { makeLogDirectory } from './make-log-directory.ts';
import { planContainer } from './plan-container.ts';
import { checkResources, checkSwapLimit } from './resource-limits.ts';
import { makeRootfs, unmountRootfs } from './rootfs.ts';

/** CRI CreateContainer. A failure leaves nothing. */
export async function createContainer(
  shim: Shim,
  request: CreateContainerRequest,
  { signal }: CallContext,
): Promise<CreateContainerResponse> {
  const sandbox = shim.sandboxes.getReady(request.podSandboxId);
  const config = checkedConfig(shim, sandbox, request);
  const container: Container = { id: newId(), config, record: intent(sandbox, config) };
  return shim.work.inside(sandbox.id, signal, (inside) =>
    shim.locks.hold(container.id, inside, async () => {
      shim.containers.reserve(sandbox.id, config, container.id);
      const undo = new UndoStack(shim.log);
      try {
        await create(shim, sandbox, container, undo, inside);
        return { containerId: container.id };
      } catch (error) {
        const { complete } = await undo.run(() => shim.containers.delete(container.id));
        if (!complete) await leaveForRemoval(shim, container, PluginError.from(error));
        throw explainFullDisk(error, shim.directories.root, `container ${config.metadata?.name}`);
      }
    }),
  );
}

function checkedConfig(shim: Shim, sandbox: Sandbox, { config }: CreateContainerRequest): ContainerConfig {
  if (!config?.metadata?.name) throw new PluginError('INVALID_ARGUMENT', 'name is required', { object: 'config.metadata' });
  if (!config.image?.image) throw new PluginError('INVALID_ARGUMENT', 'image is required', { object: `container ${config.metadata.name}` });
  const object = `container ${config.metadata.name}`;
  checkText(config, object);
  if (config.windows) throw new PluginError('INVALID_ARGUMENT', 'windows: it is a container of Linux', { object, hint: 'set linux' });
  checkResources(config.linux?.resources, 'linux.resources', object);
  checkSwapLimit(config.linux?.resources, 'linux.resources', object);
  checkRefusals(config, shim.refusals, object);
  checkSecurityContext(config.linux?.securityContext, sandbox.config, object);
  return config;
}

/** What is recorded before the image is held: only what has to be known to take the container away again. */
function intent(sandbox: Sandbox, config: ContainerConfig): ContainerRecord {
  return {
    sandboxId: sandbox.id,
    config: encodeContainerConfig(config),
    imageId: '',
    rootfs: undefined,
    process: { args: [], env: [], cwd: '/', user: { uid: 0, gid: 0, additionalGids: [] } },
    mounts: [],
    logPath: undefined,
    stopSignal: 'SIGTERM',
    phase: 'creating',
    createdAt: creationTime(),
  };
}

async function create(shim: Shim, sandbox: Sandbox, container: Container, undo: UndoStack, signal: AbortSignal): Promise<void> {
  const { id, config, record } = container;
  const object = `container ${config.metadata?.name}`;
  undo.add('its hold on the image', () => shim.images.release(id));
  const image = await recordedWith(shim.containers.add(container), shim.images.use(config.image?.image ?? '', id));
  undo.add('its image volumes', (limit) => shim.imageVolumes.remove(id, config, limit));
  const imageVolumes = await shim.imageVolumes.plan(id, config, object);
  Object.assign(record, await planContainer(shim, sandbox, id, config, image, imageVolumes, object));
  await shim.containers.put(container);
  const { rootfs, logPath } = record;
  const owner = userNamespaceOwner(sandbox);
  if (logPath !== undefined) await makeLogDirectory(logPath, object);
  if (rootfs) {
    undo.add('its root file system', (limit) => unmountRootfs(rootfs, limit));
    if (owner) await makePassable(shim.directories.root, join(shim.directories.containers, id));
    await makeRootfs(rootfs, object, signal, owner);
  }
  await shim.imageVolumes.mount(imageVolumes, signal, owner);
  undo.add('its idmapped mounts', (limit) => unmountIdmappedVolumes(shim, id, config, limit));
  mountIdmappedVolumes(shim, sandbox, container);
  const spec = containerSpec(container, sandbox, shim.directories);
  undo.add('its runtime part', (limit) => shim.runtime.removeContainer(spec, limit));
  await shim.runtime.createContainer(spec, signal);
  signal.throwIfAborted();
  // A machine may have died meanwhile, and its containers with it.
  shim.sandboxes.getReady(sandbox.id);
  if (record.phase === 'creating') record.phase = 'created';
  await shim.containers.put(container);
  shim.lifeCycle.containerCreated(container, sandbox);
}

/** What `held` gives, once both are done. Where one fails the other has ended, too: nothing is still being made while it is undone. */
async function recordedWith<Held>(recorded: Promise<void>, held: Promise<Held>): Promise<Held> {
  const [record, value] = await Promise.allSettled([recorded, held]);
  if (record.status === 'rejected') throw record.reason;
  if (value.status === 'rejected') throw value.reason;
  return value.value;
}

/** What can't be taken away at once is listed as ended, so that the client removes it, until that succeeds. */
async function leaveForRemoval(shim: Shim, container: Container, failure: PluginError): Promise<void> {
  try {
    await shim.containers.exited(container, {
      exitCode: neverRanExitCode,
      finishedAt: new Date(),
      reason: 'CreateError',
      message: failure.message,
    });
  } catch (error) {
    shim.log.error({ err: error }, `could not record that ${describeContainer(container)} is to be removed`);
  }
}
