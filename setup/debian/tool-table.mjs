// The Linux programs that a node and its tests execute, and the Debian packages that hold them. What a node needs, `berth doctor` checks too.

/**
 * @typedef {object} Tool
 * @property {string} name the program
 * @property {string} package Debian's package
 * @property {'node' | 'machines' | 'tests'} neededBy tools of tests alone may be missing: their tests are skipped
 * @property {string} [minimum] the oldest version that does
 * @property {string[]} [versionArgs] print the version; `--version` by default
 * @property {boolean} [static] a dynamically linked one doesn't do
 * @property {string} [program] the file's name in the package, if it isn't the tool's
 * @property {Record<string, string>} [environment] paths inside the unpacked packages that the program must be told
 */

/** @type {Tool[]} */
export const tools = [
  { name: 'runc', package: 'runc', neededBy: 'node', minimum: '1.1.0' },
  { name: 'conmon', package: 'conmon', neededBy: 'node', minimum: '2.1.0' },
  { name: 'catatonit', package: 'catatonit', neededBy: 'node', minimum: '0.1.5' },
  { name: 'ip', package: 'iproute2', neededBy: 'node', minimum: '5.10', versionArgs: ['-V'] },
  { name: 'nft', package: 'nftables', neededBy: 'node', minimum: '1.0.0' },
  { name: 'conntrack', package: 'conntrack', neededBy: 'node' },
  { name: 'mount', package: 'mount', neededBy: 'node' },
  { name: 'umount', package: 'mount', neededBy: 'node' },
  { name: 'hostname', package: 'hostname', neededBy: 'node' },
  { name: 'unshare', package: 'util-linux', neededBy: 'node', minimum: '2.36' },
  { name: 'nsenter', package: 'util-linux', neededBy: 'node', minimum: '2.36' },
  { name: 'flock', package: 'util-linux', neededBy: 'node' },
  { name: 'busybox', package: 'busybox-static', neededBy: 'node', static: true },
  { name: 'qemu-system-x86_64', package: 'qemu-system-x86', neededBy: 'machines', minimum: '7.0' },
  { name: 'virtiofsd', package: 'qemu-system-common', neededBy: 'machines' },
  { name: 'tc', package: 'iproute2', neededBy: 'machines', versionArgs: ['-V'], minimum: '5.10' },
  { name: 'setpriv', package: 'util-linux', neededBy: 'machines', minimum: '2.36' },
  { name: 'crun', package: 'crun', neededBy: 'machines', minimum: '1.5' },
  { name: 'containerd', package: 'containerd', neededBy: 'tests', minimum: '1.6' },
  { name: 'ctr', package: 'containerd', neededBy: 'tests' },
  { name: 'containerd-shim-runc-v2', package: 'containerd', neededBy: 'tests' },
  { name: 'docker-registry', package: 'docker-registry', neededBy: 'tests' },
  { name: 'mmdebstrap', package: 'mmdebstrap', neededBy: 'tests' },
  { name: 'bridge', package: 'iproute2', neededBy: 'tests', versionArgs: ['-V'], minimum: '5.10' },
  { name: 'etcd', package: 'etcd-server', neededBy: 'tests', minimum: '3.4' },
  { name: 'prometheus', package: 'prometheus', neededBy: 'tests', minimum: '2.30' },
  { name: 'promtool', package: 'prometheus', neededBy: 'tests', minimum: '2.30' },
  { name: 'iperf3', package: 'iperf3', neededBy: 'tests' },
  ...['iptables', 'ip6tables', 'iptables-save', 'iptables-restore', 'ip6tables-save', 'ip6tables-restore'].map(iptables),
];

/** Packages of virtual machines whose files are no programs: the guest's kernel. */
export const machinePackages = ['linux-image-cloud-amd64'];

/** Packages of the tests whose files are no programs on PATH: the reference CNI plugins, in usr/lib/cni. */
export const testPackages = ['containernetworking-plugins'];

/**
 * The package leaves the plain names to the alternatives system, which an unpacked package doesn't have.
 * @param {string} name
 * @returns {Tool}
 */
function iptables(name) {
  return {
    name,
    package: 'iptables',
    neededBy: 'tests',
    program: name.replace('tables', 'tables-nft'),
    environment: { XTABLES_LIBDIR: 'usr/lib/TRIPLET/xtables' },
  };
}
