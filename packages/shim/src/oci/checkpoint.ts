import { copyFile, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PluginError } from '@berth/sdk/errors';
import { runProgram } from '../run-program.ts';
import type { ContainerSpec } from '../runtime.ts';
import type { OciCommand, Subject } from './command.ts';
import { locate } from './programs.ts';

/** Memory is written to disk. */
const archiveLimitMs = 10 * 60_000;

/**
 * Writes what CRIU saves of a running container to an archive, as other CRI servers lay it out: `checkpoint/` CRIU's images,
 * `config.dump` and `spec.dump` what the container is, `rootfs-diff.tar` what it has written over its image.
 */
export async function writeCheckpoint(
  oci: OciCommand,
  container: ContainerSpec,
  subject: Subject & { bundle: string },
  location: string,
  signal: AbortSignal,
): Promise<void> {
  await checkCriu(`checkpoint of container ${subject.name}`, signal);
  const directory = join(subject.bundle, 'checkpoint');
  const partial = `${location}.partial`;
  await rm(directory, { recursive: true, force: true });
  await mkdir(join(directory, 'checkpoint'), { recursive: true, mode: 0o700 });
  try {
    await oci.checkpoint(subject, join(directory, 'checkpoint'), signal);
    await copyFile(join(subject.bundle, 'config.json'), join(directory, 'spec.dump'));
    await writeFile(join(directory, 'config.dump'), JSON.stringify(described(container, oci.name)), { mode: 0o600 });
    if (container.rootfs) {
      await tar(['--xattrs', '-cf', join(directory, 'rootfs-diff.tar'), '-C', container.rootfs.upper, '.'], signal);
    }
    // It holds the memory of the container, secrets too.
    await writeFile(partial, '', { mode: 0o600 });
    await tar(['-cf', partial, '-C', directory, '.'], signal);
    await rename(partial, location);
  } finally {
    await rm(partial, { force: true });
    await rm(directory, { recursive: true, force: true });
  }
}

/** CRIU being there says little: whether it works depends on the kernel. */
async function checkCriu(object: string, signal: AbortSignal): Promise<void> {
  const criu = await locate('criu', 'writes the state of containers');
  await runProgram(criu, ['check'], { signal, timeoutMs: 20_000 }).catch((cause: unknown) => {
    signal.throwIfAborted();
    throw new PluginError('FAILED_PRECONDITION', `"criu check" says that this kernel can't: ${PluginError.from(cause).message}`, {
      object,
      hint: 'run it on a kernel with CONFIG_CHECKPOINT_RESTORE and the rights that CRIU needs',
      cause,
    });
  });
}

async function tar(args: string[], signal: AbortSignal): Promise<void> {
  await runProgram('tar', args, { signal, timeoutMs: archiveLimitMs });
}

function described({ id, config }: ContainerSpec, ociRuntime: string): object {
  return {
    id,
    name: config.metadata?.name,
    rootfsImage: config.image?.userSpecifiedImage,
    rootfsImageRef: config.image?.image,
    ociRuntime,
  };
}
