import { hostname } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { type ContainerConfig, NamespaceMode, type NamespaceOption } from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import type { UsableImage } from '../image/images.ts';
import type { Sandbox } from '../sandbox/sandbox.ts';
import { checkMapped, checkSameUserNamespace, userNamespaceOf } from '../sandbox/user-namespace.ts';
import type { Shim } from '../shim.ts';
import { checkProcessSize } from './check-command.ts';
import { type ContainerRecord, describeContainer } from './container.ts';
import { containerMounts } from './container-mounts.ts';
import { readAccounts, resolveUser } from './image-user.ts';
import type { ImageVolume } from './image-volumes.ts';
import { processArguments, processEnvironment, workingDirectory } from './process.ts';
import { planRootfs } from './rootfs.ts';
import { stopSignal } from './stop-signal.ts';

/** What is decided of a container once its image is known, before anything of it is made. */
type ContainerPlan = Pick<ContainerRecord, 'imageId' | 'rootfs' | 'process' | 'mounts' | 'logPath' | 'pidTarget' | 'stopSignal'>;

/** Puts the request, the image and the sandbox together. `object` names the container in errors. */
export async function planContainer(
  shim: Shim,
  sandbox: Sandbox,
  id: string,
  config: ContainerConfig,
  image: UsableImage,
  imageVolumes: Map<number, ImageVolume>,
  object: string,
): Promise<ContainerPlan> {
  const security = config.linux?.securityContext;
  const idMappings = userNamespaceOf(sandbox.config);
  checkSameUserNamespace(security?.namespaceOptions?.usernsOptions, idMappings, object);
  const target = pidTarget(shim, sandbox, security?.namespaceOptions, object);
  const process = {
    args: processArguments(config, image.config, object),
    env: processEnvironment(config, image.config, sandbox.config.hostname || hostname(), object),
    cwd: workingDirectory(config, image.config, object),
    user: resolveUser(security, image.config.user, await readAccounts(image.layers, object), object),
  };
  checkProcessSize(process, object);
  checkMapped(process.user, idMappings, object);
  return {
    imageId: image.id,
    rootfs: planRootfs(image.layers, join(shim.directories.containers, id), shim.features.rootfs),
    process,
    mounts: await containerMounts(config, sandbox.record.files, imageVolumes, idMappings, object),
    ...(target !== undefined && { pidTarget: target }),
    logPath: logPath(sandbox.config.logDirectory, config.logPath, object),
    stopSignal: stopSignal(config.stopSignal, image.config.stopSignal, object),
  };
}

/** The whole id of the container whose PID namespace is asked for (NamespaceMode TARGET): a running one of the same sandbox. */
function pidTarget(shim: Shim, sandbox: Sandbox, options: NamespaceOption | undefined, object: string): string | undefined {
  if (options?.pid !== NamespaceMode.TARGET) {
    if (!options?.targetId) return undefined;
    throw new PluginError('INVALID_ARGUMENT', 'namespace_options.target_id is only for the PID mode TARGET', { object });
  }
  const target = shim.containers.find(options.targetId);
  if (target?.record.sandboxId !== sandbox.id) {
    throw new PluginError('NOT_FOUND', `its sandbox has no container ${JSON.stringify(options.targetId)}`, {
      object,
      hint: 'name a container of the same pod in namespace_options.target_id',
    });
  }
  if (target.record.phase === 'running') return target.id;
  throw new PluginError('FAILED_PRECONDITION', `${describeContainer(target)} doesn't run, and so has no PID namespace to be joined`, {
    object,
  });
}

/** log_directory of the sandbox and log_path of the container; a container without either has no log. */
export function logPath(logDirectory: string, path: string, object: string): string | undefined {
  if (!logDirectory || !path) return undefined;
  if (!isAbsolute(logDirectory)) {
    throw new PluginError('INVALID_ARGUMENT', `log_directory ${JSON.stringify(logDirectory)} is not absolute`, { object });
  }
  const joined = join(logDirectory, path);
  if (joined.startsWith(join(logDirectory, '/'))) return joined;
  throw new PluginError('INVALID_ARGUMENT', `log_path ${JSON.stringify(path)} leaves the log directory`, { object });
}
