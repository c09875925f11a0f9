import { describe, expect, it } from 'vitest';
import type { MachineConfig } from './machine-config.ts';
import { MachineDirectory } from './machine-directory.ts';
import { probeArguments, qemuArguments } from './qemu-arguments.ts';

const config: MachineConfig = {
  id: 'f'.repeat(64),
  parts: {
    qemu: '/bin/qemu',
    virtiofsd: '/bin/virtiofsd',
    nsenter: '/bin/nsenter',
    setpriv: '/bin/setpriv',
    kernel: '/guest/vmlinuz',
    initramfs: '/guest/initramfs.cpio',
    tools: '/guest/tools',
  },
  accelerator: 'tcg',
  size: { memoryBytes: 256 * 1024 * 1024, cpus: 2 },
  hostname: 'pod',
  sysctls: {},
  network: {
    namespace: '/run/ns',
    tap: 'tap0',
    mac: '02:00:00:00:00:01',
    interface: { mtu: 1500, addresses: ['10.0.0.2/24'], routes: [] },
  },
  exitDirectory: '/run/exits',
  watchdogMs: 1000,
};

const valuesOf = (args: string[], option: string) => args.flatMap((arg, index) => (args[index - 1] === option ? [arg] : []));

describe('qemuArguments', () => {
  const args = qemuArguments(config, new MachineDirectory('/run/m'));

  it('give the machine the memory that virtiofsd shares', () => {
    expect(valuesOf(args, '-m')).toEqual(['256M']);
    expect(valuesOf(args, '-object')).toEqual(['memory-backend-memfd,id=memory,size=256M,share=on']);
  });

  it('give it no devices but the port, the share and the network card', () => {
    expect(valuesOf(args, '-device').map((device) => device.split(',')[0])).toEqual([
      'virtio-serial-pci',
      'virtserialport',
      'vhost-user-fs-pci',
      'virtio-net-pci',
    ]);
    expect(args).toContain('-nodefaults');
  });

  it('leave out the network of a pod that has none', () => {
    const without = qemuArguments({ ...config, network: undefined }, new MachineDirectory('/run/m'));
    expect(without).not.toContain('-netdev');
  });

  it("end the machine with the guest's kernel, and take the host's CPU only where it executes the guest", () => {
    expect(args).toContain('-no-reboot');
    expect(valuesOf(args, '-append')[0]).toMatch(/\bpanic=-1\b/);
    expect(valuesOf(args, '-cpu')).toEqual(['max']);
    expect(valuesOf(probeArguments(config.parts, 'kvm'), '-cpu')).toEqual(['host']);
  });
});
