import { constants } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { type ContainerConfig, NamespaceMode, type NamespaceOption, Signal } from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import type { UsableImage } from '../image/images.ts';
import type { Sandbox } from '../sandbox/sandbox.ts';
import { checkSameUserNamespace, userNamespaceOf } from '../sandbox/user-namespace.ts';
import type { Shim } from '../shim.ts';
import { type ContainerRecord, describeContainer } from './container.ts';
import { containerMounts } from './container-mounts.ts';
import { readAccounts, resolveUser } from './image-user.ts';
import type { ImageVolume } from './image-volumes.ts';
import { processArguments, processEnvironment, workingDirectory } from './process.ts';
import { planRootfs } from './rootfs.ts';

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
  return {
    imageId: image.id,
    rootfs: planRootfs(image.layers, join(shim.directories.containers, id), shim.features.rootfs),
    process: {
      args: processArguments(config, image.config, object),
      env: processEnvironment(config, image.config, sandbox.config.hostname, object),
      cwd: workingDirectory(config, image.config),
      user: resolveUser(security, image.config.user, await readAccounts(image.layers, object), object),
    },
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

/**
 * The request's signal, else the image's, else SIGTERM: by name (`SIGQUIT`), a real-time one by number, since runc knows
 * no names for those.
 */
export function stopSignal(asked: Signal, imageSignal: string, object: string): string {
  if (asked !== Signal.RUNTIME_DEFAULT) {
    const name = Object.entries(Signal).find(([, number]) => number === asked)?.[0];
    const known = name === undefined ? undefined : knownSignal(name.replace('PLUS', '+').replace('MINUS', '-'));
    if (known !== undefined) return known;
    throw new PluginError('INVALID_ARGUMENT', `stop_signal ${name ?? asked} is no signal of Linux`, { object });
  }
  if (imageSignal === '') return 'SIGTERM';
  const known = knownSignal(imageSignal);
  if (known !== undefined) return known;
  throw new PluginError('INVALID_ARGUMENT', `the image's stop signal ${JSON.stringify(imageSignal)} is no signal`, {
    object,
    hint: 'set the stop signal of the container',
  });
}

/** As programs see them: the C library keeps the first two real-time signals for itself. */
const realTime = { MIN: 34, MAX: 64 } as const;

/** `QUIT`, `SIGQUIT` and `3` -> `SIGQUIT`; `SIGRTMIN+3` and `37` -> `37`. */
function knownSignal(text: string): string | undefined {
  const { signals } = constants;
  if (/^\d{1,2}$/.test(text)) {
    const number = Number(text);
    const name = Object.entries(signals).find(([, value]) => value === number)?.[0];
    return name ?? (isRealTime(number) ? String(number) : undefined);
  }
  const name = text.startsWith('SIG') ? text : `SIG${text}`;
  if (Object.hasOwn(signals, name)) return name;
  const match = /^SIGRT(MIN|MAX)([+-]\d{1,2})?$/.exec(name);
  if (!match) return undefined;
  const number = realTime[match[1] as 'MIN' | 'MAX'] + Number(match[2] ?? 0);
  return isRealTime(number) ? String(number) : undefined;
}

function isRealTime(number: number): boolean {
  return number >= realTime.MIN && number <= realTime.MAX;
}
