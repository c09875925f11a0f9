import type { Accelerator, MachineConfig, MachineParts } from './machine-config.ts';
import type { MachineDirectory } from './machine-directory.ts';

/** What the guest's kernel is told: to be quiet but for emergencies, that a panic ends the machine, and which checks to spare itself. */
const kernelArguments = 'console=ttyS0 quiet loglevel=1 panic=-1 random.trust_cpu=on tsc=reliable no_timer_check cryptomgr.notests';

/** QEMU's arguments for a pod's machine: no devices but a console, a port for the agent, the share, and a network card. */
export function qemuArguments({ id, parts, accelerator, size, network }: MachineConfig, directory: MachineDirectory): string[] {
  const memory = `${size.memoryBytes / (1024 * 1024)}M`;
  return [
    ...['-name', `berth-${id.slice(0, 12)}`],
    ...machineArguments(parts, accelerator),
    ...['-m', memory, '-smp', String(size.cpus)],
    // virtiofsd reads and writes the guest's memory itself.
    ...['-object', `memory-backend-memfd,id=memory,size=${memory},share=on`, '-machine', 'memory-backend=memory'],
    ...['-append', kernelArguments],
    ...['-chardev', `socket,id=agent,path=${directory.guestSocket}`, '-device', 'virtio-serial-pci'],
    ...['-device', 'virtserialport,chardev=agent,name=berth.agent'],
    ...['-chardev', `socket,id=share,path=${directory.virtiofsdSocket}`, '-device', 'vhost-user-fs-pci,chardev=share,tag=share'],
    ...(network
      ? [
          ...['-netdev', `tap,id=network,ifname=${network.tap},script=no,downscript=no`],
          ...['-device', `virtio-net-pci,netdev=network,mac=${network.mac},romfile=`],
        ]
      : []),
  ];
}

/** The same for a machine that only shows that the accelerator carries a guest's kernel to its first process. */
export function probeArguments(parts: MachineParts, accelerator: Accelerator): string[] {
  return [...machineArguments(parts, accelerator), '-m', '128M', '-append', `${kernelArguments} berth.probe`];
}

/** A machine that boots a kernel and has nothing but a console, on standard output. */
export function machineArguments({ kernel, initramfs }: Pick<MachineParts, 'kernel' | 'initramfs'>, accelerator: Accelerator): string[] {
  return [
    ...['-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot'],
    ...['-sandbox', 'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny'],
    // Not microvm, which has no clock but the PIT: an emulated guest that can't measure its TSC by that hangs, one boot in three.
    ...['-machine', 'q35,usb=off,vmport=off,smbus=off,sata=off', '-accel', accelerator, '-cpu', accelerator === 'kvm' ? 'host' : 'max'],
    ...['-kernel', kernel, '-initrd', initramfs],
    ...['-chardev', 'stdio,id=console,signal=off', '-serial', 'chardev:console'],
  ];
}
