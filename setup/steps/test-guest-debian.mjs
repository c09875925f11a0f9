// What `npm run test:guest` boots: a Debian with systemd, installed into a folder, and an initial root file system that mounts it.
import { cpSync, existsSync, mkdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { command } from '../command.mjs';
import { bootstrapDebian, suite } from '../debian/bootstrap.mjs';
import { writeInitramfs } from '../guest/initramfs.mjs';
import { findKernel } from '../guest/kernel.mjs';
import { root, testGuestDirectory, toolsDirectory } from '../paths.mjs';
import { SetupError } from '../setup-error.mjs';
import { contents } from '../stamp.mjs';

const debian = join(testGuestDirectory, 'debian');
const initramfs = join(testGuestDirectory, 'initramfs.cpio');
const init = join(root, 'test/guest/init');

/** systemd and what it takes to be asked for cgroups, what our tests and Node need, and the programs of a node, in Debian's own versions. */
const packages = [
  ...['systemd-sysv', 'dbus', 'kmod', 'e2fsprogs', 'libstdc++6'],
  ...['runc', 'crun', 'conmon', 'catatonit', 'iproute2', 'nftables', 'mount', 'hostname', 'busybox-static'],
];

/** Commands of init. */
const applets = ['chmod', 'chroot', 'cp', 'insmod', 'ip', 'mkdir', 'mount', 'sh', 'switch_root', 'umount'];

const drivers = ['virtio_pci', 'virtio_blk', 'virtio_console', 'virtiofs', 'overlay'];

/** @type {import('../run-steps.mjs').Step[]} */
export const testGuest = [
  {
    name: 'test-guest-debian',
    title: 'Debian with systemd for the test guest',
    inputs: () => [suite, ...packages, findKernel()?.modules ?? ''],
    outputs: [debian],
    run: async () => {
      const { modules } = requiredKernel();
      refuseUsers();
      await bootstrapDebian(debian, { variant: 'essential', packages, complete: (directory) => addModules(modules, directory) });
      return undefined;
    },
  },
  {
    name: 'test-guest-initramfs',
    title: 'initial root file system of the test guest',
    inputs: () => [findKernel()?.image ?? '', ...contents([init, join(root, 'setup/guest'), join(toolsDirectory, 'busybox')])],
    outputs: [initramfs],
    run: async () => {
      mkdirSync(testGuestDirectory, { recursive: true });
      writeInitramfs(initramfs, {
        init,
        folders: ['lower', 'newroot', 'proc', 'upper'],
        applets,
        drivers,
        modules: requiredKernel().modules,
      });
      return undefined;
    },
  },
];

/** Other drivers are loaded when they are needed, as on any host. */
async function addModules(modules, directory) {
  cpSync(modules, join(directory, 'lib/modules', basename(modules)), { recursive: true });
  await command('chroot', [directory, 'depmod', basename(modules)]);
}

function requiredKernel() {
  const kernel = findKernel();
  if (kernel !== undefined) return kernel;
  throw new SetupError("the test guest has no kernel to boot: Debian's package linux-image-cloud-amd64 can't be had");
}

function refuseUsers() {
  if (process.getuid?.() !== 0) throw new SetupError('to install a Debian into a folder takes root: run this with sudo');
  if (!existsSync(join(toolsDirectory, 'mmdebstrap'))) {
    throw new SetupError('there is no mmdebstrap to install a Debian with: this takes a Debian or Ubuntu host');
  }
}
