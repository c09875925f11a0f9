import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { PluginError } from '@berth/sdk/errors';
import { locate } from '@berth/shim/oci/programs';
import { runProgram } from '@berth/shim/run-program';
import type { MachineParts } from './machine-config.ts';

/** Major version. */
const oldestQemu = 7;

/** Finds what machines are made of: programs on PATH, and what a guest boots in `guestDirectory`. Throws what is missing. */
export async function findParts(guestDirectory: string): Promise<MachineParts> {
  const tools = join(guestDirectory, 'tools');
  // One after another, so that the same is missing first each time.
  const qemu = await locate('qemu-system-x86_64', 'runs machines');
  const virtiofsd = await locate('virtiofsd', 'gives machines their files');
  const nsenter = await locate('nsenter', 'starts machines in their network');
  const setpriv = await locate('setpriv', 'ends machines with their monitor');
  for (const program of ['ip', 'tc']) await locate(program, 'connects machines to the network');
  for (const program of ['mount', 'umount']) await locate(program, 'puts files into the share of machines');
  const kernel = await guestFile(join(guestDirectory, 'vmlinuz'), "the guest's kernel (of Debian's package linux-image-cloud-amd64)");
  const initramfs = await guestFile(join(guestDirectory, 'initramfs.cpio'), "the guest's initial root file system");
  await guestFile(join(tools, 'agent'), "the guest's agent");
  return { qemu, virtiofsd, nsenter, setpriv, kernel, initramfs, tools };
}

async function guestFile(path: string, what: string): Promise<string> {
  try {
    await access(path);
    return path;
  } catch (cause) {
    throw new PluginError('FAILED_PRECONDITION', `${what} is not there`, {
      object: path,
      hint: 'run "npm run setup -- --runtime vm" in a checkout, or say with --guest where it is',
      cause,
    });
  }
}

/** `7.2.22`. Throws for one that is too old. */
export async function qemuVersion(qemu: string, signal: AbortSignal): Promise<string> {
  const said = await runProgram(qemu, ['--version'], { signal, timeoutMs: 10_000 });
  const [, version, major] = /version ((\d+)\S*)/.exec(said) ?? [];
  if (version === undefined) {
    throw new PluginError('FAILED_PRECONDITION', `"${qemu} --version" doesn't tell a version`, {
      object: 'QEMU',
      hint: 'check that this is QEMU',
    });
  }
  if (Number(major) >= oldestQemu) return version;
  throw new PluginError('FAILED_PRECONDITION', `its version is ${version}, and machines need ${oldestQemu}.0 or newer`, {
    object: qemu,
    hint: 'put a newer one ahead of it on PATH',
  });
}
