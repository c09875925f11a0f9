import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type ContainerConfig, type CreateContainerRequest, type CreateContainerResponse, Signal } from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import type { CallContext } from '@berth/sdk/serve';
import { newId } from '../identifiers.ts';
import type { UsableImage } from '../image/images.ts';
import { checkRefusals, shimRefusals } from '../refusals.ts';
import { undoLimitMs } from '../sandbox/run-pod-sandbox.ts';
import { describeSandbox, type Sandbox } from '../sandbox/sandbox.ts';
import type { Shim } from '../shim.ts';
import { UndoStack } from '../undo-stack.ts';
import { type Container, type ContainerRecord, containerSpec, encodeContainerConfig } from './container.ts';
import { containerMounts } from './container-mounts.ts';
import { readAccounts, resolveUser } from './image-user.ts';
import { processArguments, processEnvironment, workingDirectory } from './process.ts';
import { makeRootfs, planRootfs, unmountRootfs } from './rootfs.ts';

const defaultStopSignal = 'SIGTERM';

/** CRI CreateContainer. A failure leaves nothing. */
export async function createContainer(
  shim: Shim,
  request: CreateContainerRequest,
  { signal }: CallContext,
): Promise<CreateContainerResponse> {
  const sandbox = readySandbox(shim, request.podSandboxId);
  const config = checkedConfig(shim, request);
  const id = newId();
  shim.containers.reserve(sandbox.id, config, id);
  const undo = new UndoStack(shim.log);
  try {
    return await shim.locks.hold(id, signal, async () => {
      await create(shim, sandbox, { id, config }, undo, signal);
      readySandbox(shim, sandbox.id);
      return { containerId: id };
    });
  } catch (error) {
    if ((await undo.run()).complete) await shim.containers.delete(id);
    throw error;
  }
}

function readySandbox(shim: Shim, reference: string): Sandbox {
  const sandbox = shim.sandboxes.get(reference);
  if (sandbox.record.phase === 'ready') return sandbox;
  throw new PluginError('FAILED_PRECONDITION', `it is ${sandbox.record.phase}`, {
    object: describeSandbox(sandbox),
    hint: 'run a new sandbox',
  });
}

function checkedConfig(shim: Shim, { config }: CreateContainerRequest): ContainerConfig {
  if (!config?.metadata?.name) throw new PluginError('INVALID_ARGUMENT', 'name is required', { object: 'config.metadata' });
  if (!config.image?.image) throw new PluginError('INVALID_ARGUMENT', 'image is required', { object: `container ${config.metadata.name}` });
  checkRefusals(config, [...shimRefusals, ...shim.features.refused], `container ${config.metadata.name}`);
  return config;
}

async function create(
  shim: Shim,
  sandbox: Sandbox,
  { id, config }: Pick<Container, 'id' | 'config'>,
  undo: UndoStack,
  signal: AbortSignal,
): Promise<void> {
  const image = await shim.images.use(config.image?.image ?? '', id);
  undo.add('its hold on the image', () => shim.images.release(id));
  const container: Container = { id, config, record: await plan(shim, sandbox, id, config, image) };
  await shim.containers.add(container);
  const { rootfs, logPath } = container.record;
  if (logPath !== undefined) await mkdir(dirname(logPath), { recursive: true, mode: 0o755 });
  if (rootfs) {
    undo.add('its root file system', () => unmountRootfs(rootfs, AbortSignal.timeout(undoLimitMs)));
    await makeRootfs(rootfs, `container ${config.metadata?.name}`, signal);
  }
  const spec = containerSpec(container, sandbox, shim.directories);
  undo.add('its runtime part', () => shim.runtime.removeContainer(spec, AbortSignal.timeout(undoLimitMs)));
  await shim.runtime.createContainer(spec, signal);
  signal.throwIfAborted();
  container.record.phase = 'created';
  await shim.containers.put(container);
}

/** Everything that is decided before anything is made. */
async function plan(shim: Shim, sandbox: Sandbox, id: string, config: ContainerConfig, image: UsableImage): Promise<ContainerRecord> {
  const object = `container ${config.metadata?.name}`;
  const user = resolveUser(config.linux?.securityContext, image.config.user, await readAccounts(image.layers), object);
  return {
    sandboxId: sandbox.id,
    config: encodeContainerConfig(config),
    imageId: image.id,
    rootfs: planRootfs(image.layers, join(shim.directories.containers, id), shim.features.rootfs),
    process: {
      args: processArguments(config, image.config, object),
      env: processEnvironment(config, image.config, sandbox.config.hostname, object),
      cwd: workingDirectory(config, image.config),
      user,
    },
    mounts: await containerMounts(config, sandbox.record.files, object),
    logPath: logPath(sandbox, config, object),
    stopSignal: stopSignal(config, image.config.stopSignal),
    phase: 'creating',
    createdAt: Date.now(),
  };
}

/** log_directory of the sandbox and log_path of the container; a container without either has no log. */
function logPath(sandbox: Sandbox, config: ContainerConfig, object: string): string | undefined {
  const { logDirectory } = sandbox.config;
  if (!logDirectory || !config.logPath) return undefined;
  const path = join(logDirectory, config.logPath);
  if (path.startsWith(`${logDirectory.replace(/\/$/, '')}/`)) return path;
  throw new PluginError('INVALID_ARGUMENT', `log_path ${JSON.stringify(config.logPath)} leaves the log directory`, { object });
}

/** The request's signal, else the image's, by name. */
function stopSignal(config: ContainerConfig, imageSignal: string): string {
  const asked = Object.entries(Signal).find(([, number]) => number === config.stopSignal && number !== Signal.RUNTIME_DEFAULT)?.[0];
  if (asked !== undefined) return asked;
  if (imageSignal === '' || /^\d+$/.test(imageSignal)) return imageSignal || defaultStopSignal;
  return imageSignal.startsWith('SIG') ? imageSignal : `SIG${imageSignal}`;
}
