import { join } from 'node:path';
import { parseAddress } from '@berth/sdk/address';

/** Characters of an id in paths: those of unix sockets can't be long. */
const shownIdLength = 16;

/** Where one machine keeps its things, below RUN: a reboot ends all of it. */
export class MachineDirectory {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  /** That of a sandbox, among those of one handler. */
  static of(machines: string, sandboxId: string): MachineDirectory {
    return new MachineDirectory(join(machines, sandboxId.slice(0, shownIdLength)));
  }

  /** Throws INVALID_ARGUMENT where the kernel couldn't hold the paths of sockets in folders below `machines`. */
  static checkLength(machines: string): void {
    const { monitorSocket, guestSocket, virtiofsdSocket } = MachineDirectory.of(machines, '0'.repeat(shownIdLength));
    for (const path of [monitorSocket, guestSocket, virtiofsdSocket]) parseAddress(`unix://${path}`);
  }

  /** MachineConfig as JSON. */
  get config(): string {
    return join(this.path, 'machine.json');
  }

  get monitorSocket(): string {
    return join(this.path, 'monitor.sock');
  }

  /** The host's end of the guest's port. */
  get guestSocket(): string {
    return join(this.path, 'guest.sock');
  }

  get virtiofsdSocket(): string {
    return join(this.path, 'virtiofsd.sock');
  }

  /** Root of the tree that the guest sees at `sharePath`. */
  get share(): string {
    return join(this.path, 'share');
  }

  /** Where a read-only mount is made before it is put into the share. */
  get staging(): string {
    return join(this.path, 'staging');
  }

  /** What the monitor, QEMU and virtiofsd print. */
  get log(): string {
    return join(this.path, 'machine.log');
  }

  /** Says why the machine ended, if it did so by itself. */
  get endReason(): string {
    return join(this.path, 'ended');
  }

  pidFile(program: MachineProgram): string {
    return join(this.path, `${program}.pid`);
  }
}

/** The processes that a machine consists of. */
export const machinePrograms = ['monitor', 'qemu', 'virtiofsd'] as const;

type MachineProgram = (typeof machinePrograms)[number];
