import { once } from 'node:events';
import { readFile, truncate, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { unlessAborted } from '@berth/sdk/abort';
import type { Accelerator, MachineParts } from '../../plugins/runtime-vm/src/machine/machine-config.ts';
import { machineArguments } from '../../plugins/runtime-vm/src/machine/qemu-arguments.ts';
import { appearance } from '../../plugins/runtime-vm/src/monitor/appearance.ts';
import { endedByGuest, guestEnd } from '../../plugins/runtime-vm/src/monitor/end-reason.ts';
import { Program } from '../../plugins/runtime-vm/src/monitor/program.ts';
import { Tail } from '../../plugins/runtime-vm/src/monitor/tail.ts';

export const memoryMebibytes = 2048;
const cpus = 2;
const diskBytes = 8 * 1024 ** 3;
const shareLimitMs = 20_000;

const kernelArguments = [
  ...['console=ttyS0', 'quiet', 'loglevel=3', 'panic=-1', 'random.trust_cpu=on', 'cryptomgr.notests', 'psi=1'],
  ...['systemd.unit=berth-tests.service', 'systemd.show_status=no'],
];

/** What every Node loads that runs on an emulated processor; it says why. */
const emulatedNode = '/berth/test/guest/without-background-compilation.mjs';

/**
 * An emulated processor's TSC is the host's: on a busy host a guest mistakes its rate, and its clock runs several times too fast. With
 * protection keys, which V8 uses if they are there, Node crashes on it.
 */
const emulatedProcessor = ['tsc=unstable', 'clocksource=hpet', 'nopku', `systemd.setenv=NODE_OPTIONS=--import=${emulatedNode}`];

/** What the guest boots, and what it sees of the host. */
export interface GuestFiles {
  /** A Debian in a folder. */
  debian: string;
  initramfs: string;
  checkout: string;
  /** For sockets, the guest's disk and its report. */
  scratch: string;
  /** Arguments of setup/test-in-guest.mjs. */
  tests: string[];
}

/** A machine with Debian, systemd and the checkout, in which a unit of the checkout runs tests and then ends it. */
export class TestGuest {
  readonly #parts: MachineParts;
  readonly #accelerator: Accelerator;
  readonly #files: GuestFiles;
  readonly #console = new Tail();
  readonly #programs: Program[] = [];

  constructor(parts: MachineParts, accelerator: Accelerator, files: GuestFiles) {
    this.#parts = parts;
    this.#accelerator = accelerator;
    this.#files = files;
  }

  /** Boots it, copies what its tests print to `output`, and gives what they report when it has ended. Throws why there is no report. */
  async run(output: NodeJS.WritableStream, signal: AbortSignal): Promise<string> {
    const listener = createServer((socket) => socket.pipe(output, { end: false }));
    try {
      listener.listen(this.#path('output.sock'));
      await once(listener, 'listening', { signal });
      await Promise.all([this.#share('debian', this.#files.debian, signal), this.#share('checkout', this.#files.checkout, signal)]);
      await writeFile(this.#path('disk'), '');
      await truncate(this.#path('disk'), diskBytes);
      const qemu = this.#start('QEMU', [this.#parts.qemu, ...this.#arguments()]);
      this.#console.read(qemu.stdout);
      const end = await unlessAborted(qemu.ended, signal);
      if (!endedByGuest(end)) throw new Error(qemu.describe(end));
      const report = await readFile(this.#path('report'), 'utf8');
      if (report !== '') return report;
      // The kernel's own lines are the trace of its panic.
      const said = this.#console.lines.filter((line) => !line.startsWith('['));
      throw new Error([guestEnd(this.#console), ...said].join('\n'));
    } finally {
      for (const program of this.#programs.toReversed()) program.kill();
      await Promise.all(this.#programs.map((program) => program.ended));
      listener.close();
    }
  }

  async #share(name: string, directory: string, signal: AbortSignal): Promise<void> {
    const socket = this.#path(`${name}.sock`);
    const options = `source=${directory},cache=always,sandbox=namespace`;
    const share = this.#start(`virtiofsd of ${name}`, [
      this.#parts.virtiofsd,
      `--socket-path=${socket}`,
      '-o',
      options,
      '--rlimit-nofile=0',
    ]);
    const failed = share.ended.then((end) => {
      throw new Error(share.describe(end));
    });
    failed.catch(() => undefined);
    const limit = AbortSignal.any([signal, AbortSignal.timeout(shareLimitMs)]);
    await Promise.race([appearance(socket, limit), failed]);
  }

  /** Killed with this process, however that ends. */
  #start(name: string, command: string[]): Program {
    const pidFile = this.#path(`${name}.pid`);
    const program = new Program([this.#parts.setpriv, '--pdeathsig', 'KILL', ...command], { name, pidFile });
    this.#programs.push(program);
    return program;
  }

  #arguments(): string[] {
    const processor = this.#accelerator === 'tcg' ? emulatedProcessor : [];
    // The manager's environment reaches its units.
    const tests = `systemd.setenv=BERTH_GUEST_TESTS=${encodeURIComponent(JSON.stringify(this.#files.tests))}`;
    const parts = { kernel: this.#parts.kernel, initramfs: this.#files.initramfs };
    return [
      ...machineArguments(parts, this.#accelerator),
      ...['-append', [...kernelArguments, ...processor, tests].join(' ')],
      ...['-smp', String(cpus), '-m', `${memoryMebibytes}M`],
      ...['-object', `memory-backend-memfd,id=memory,size=${memoryMebibytes}M,share=on`, '-machine', 'memory-backend=memory'],
      // The first device: its ports are /dev/vport0p1 and /dev/vport0p2.
      ...['-device', 'virtio-serial-pci'],
      ...['-chardev', `socket,id=output,path=${this.#path('output.sock')}`, '-device', 'virtserialport,chardev=output,name=berth.output'],
      ...['-chardev', `file,id=report,path=${this.#path('report')}`, '-device', 'virtserialport,chardev=report,name=berth.report'],
      ...['debian', 'checkout'].flatMap((name) => [
        ...['-chardev', `socket,id=${name},path=${this.#path(`${name}.sock`)}`],
        ...['-device', `vhost-user-fs-pci,chardev=${name},tag=${name}`],
      ]),
      // What is on it is lost with the machine anyway.
      ...['-drive', `if=none,id=disk,format=raw,cache=unsafe,discard=unmap,file=${this.#path('disk')}`],
      ...['-device', 'virtio-blk-pci,drive=disk'],
    ];
  }

  #path(name: string): string {
    return join(this.#files.scratch, name);
  }
}
