import { closeSync, constants, openSync } from 'node:fs';
import { extname } from 'node:path';
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { PluginError } from '@berth/sdk/errors';
import { settlesWithin } from '../../settles-within.ts';
import type { NextHop } from './next-hops.ts';
import type { ProxyCommand, ProxyWork } from './proxy-thread.ts';
import { socketAddress, systemCalls } from './system-calls.ts';

/** What its thread has to end; it does so within one packet. */
const endTimeMs = 2_000;

/** Where the two ends of a proxy are. Addresses are numbers of 32 bits without sign. */
interface ProxyEnds {
  /** This host's address in the tunnel. */
  tunnel: number;
  /** The host's own, at which others send to it. */
  host: number;
  port: number;
  mtu: number;
}

/** A TUN device whose packets are carried to other hosts in UDP, by a thread. The device is there as long as this is open. */
export class PacketProxy {
  /** The TUN device's name. */
  readonly device: string;
  readonly #commands: MessagePort;
  readonly #wake: number;
  readonly #worker: Worker;
  readonly #ended: Promise<void>;
  #open = true;

  private constructor(device: string, worker: Worker, commands: MessagePort, wake: number, ended: Promise<void>) {
    this.device = device;
    this.#worker = worker;
    this.#commands = commands;
    this.#wake = wake;
    this.#ended = ended.then(() => {
      this.#open = false;
    });
  }

  /** Throws a PluginError that names what is missing: /dev/net/tun, a right, a free port. */
  static open({ tunnel, host, port, mtu }: ProxyEnds): PacketProxy {
    const calls = systemCalls();
    const descriptors: number[] = [];
    const keep = (descriptor: number): number => {
      descriptors.push(descriptor);
      return descriptor;
    };
    const closeAll = (): void => {
      for (const descriptor of descriptors.splice(0)) closeSync(descriptor);
    };
    try {
      const tun = keep(openTun());
      const device = calls.makeTun(tun, 'flannel%d');
      const socket = keep(calls.bindUdp(socketAddress(host, port)));
      const wake = keep(calls.eventCounter());
      const { port1, port2 } = new MessageChannel();
      const work: ProxyWork = { tun, socket, wake, commands: port2, address: tunnel, port, mtu };
      const thread = new URL(`./proxy-thread${extname(import.meta.filename)}`, import.meta.url);
      const worker = new Worker(thread, { workerData: work, transferList: [port2] });
      const { promise, resolve } = Promise.withResolvers<void>();
      worker.once('error', (error) => process.emitWarning(`${device}: ${error.stack}`));
      worker.once('exit', () => {
        closeAll();
        port1.close();
        resolve();
      });
      return new PacketProxy(device, worker, port1, wake, promise);
    } catch (error) {
      closeAll();
      throw error;
    }
  }

  /** Sets the hosts that packets go to. */
  use(hops: NextHop[]): void {
    this.#tell({ hops });
  }

  /** Resolves when the device is gone, or its thread has been told twice to end and doesn't: it goes with the process then. */
  async close(): Promise<void> {
    this.#tell('end');
    if (await settlesWithin(this.#ended, endTimeMs)) return;
    void this.#worker.terminate();
    if (await settlesWithin(this.#ended, endTimeMs)) return;
    throw new PluginError('DEADLINE_EXCEEDED', `its thread has not ended in ${(2 * endTimeMs) / 1000} s`, {
      object: `device ${this.device}`,
    });
  }

  /** The thread ends by itself when its device is deleted; its descriptors are others' then. */
  #tell(command: ProxyCommand): void {
    if (!this.#open) return;
    this.#commands.postMessage(command);
    const one = Buffer.from(new BigUint64Array([1n]).buffer);
    systemCalls().write(this.#wake, one, one.length);
  }
}

function openTun(): number {
  try {
    return openSync('/dev/net/tun', constants.O_RDWR | constants.O_NONBLOCK);
  } catch (error) {
    throw PluginError.from(error, 'INTERNAL', { object: '/dev/net/tun', hint: 'run as root, on a kernel with TUN devices, or use vxlan' });
  }
}
