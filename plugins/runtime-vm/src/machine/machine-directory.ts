import { join } from 'node:path';

/** Characters of an id in paths: a unix socket's path may have 107 bytes. */
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
export type MachineProgram = 'monitor' | 'qemu' | 'virtiofsd';

export const machinePrograms: MachineProgram[] = ['monitor', 'qemu', 'virtiofsd'];
