import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { PluginError } from '@berth/sdk/errors';
import type { MachineConfig } from '../machine/machine-config.ts';
import type { MachineDirectory } from '../machine/machine-directory.ts';
import { qemuArguments } from '../machine/qemu-arguments.ts';
import { appearance } from './appearance.ts';
import { endedByGuest, guestEnd } from './end-reason.ts';
import { GuestConnection } from './guest-connection.ts';
import { Program, type ProgramEnd } from './program.ts';
import { Tail } from './tail.ts';
import { watchGuest } from './watchdog.ts';

/** Longest that a guest may take to its agent's first word: it takes 2 s, emulated on an idle host. */
const bootDeadlineMs = 90_000;

/** Longest that the guest may take to write what is only in its memory, before it is switched off all the same. */
const syncDeadlineMs = 5000;

/** Longest that QEMU's end may be seen after what comes of it. */
const consequenceMs = 1000;

/** Longest that the last output of a machine which has ended may take to be written. */
const drainMs = 2000;

/** QEMU, virtiofsd and the connection to the guest's agent: one machine, from its start to its end. */
export class Machine {
  /** Why it ended; undefined if it was told to. Never rejects. */
  readonly ended: Promise<string | undefined>;
  readonly #config: MachineConfig;
  readonly #directory: MachineDirectory;
  readonly #ended = Promise.withResolvers<string | undefined>();
  readonly #console = new Tail();
  readonly #stop = new AbortController();
  #virtiofsd: Program | undefined;
  #qemu: Program | undefined;
  #guest: GuestConnection | undefined;
  #reason: string | undefined;

  constructor(config: MachineConfig, directory: MachineDirectory) {
    this.#config = config;
    this.#directory = directory;
    this.ended = this.#ended.promise;
  }

  /** The agent of the booted guest. */
  get guest(): GuestConnection {
    if (this.#guest) return this.#guest;
    throw new PluginError('UNAVAILABLE', 'it has not booted', { object: 'guest' });
  }

  /** Starts the machine, and resolves when its guest is the pod's. What fails leaves nothing running. */
  async boot(): Promise<void> {
    const listener = createServer();
    try {
      await this.#startVirtiofsd();
      const connected = accept(listener, this.#directory.guestSocket);
      const lost = this.#lost(this.#startQemu());
      const socket = await Promise.race([connected, lost]);
      socket.once('close', () => void this.#unlessEnded('the guest has closed its port'));
      const guest = new GuestConnection(socket, (error) => this.#fail(error.message));
      this.#guest = guest;
      await Promise.race([guest.ready, lost]);
      await guest.call({ $case: 'configure', value: this.#configuration() });
      void this.#watch(guest);
    } catch (error) {
      await this.stop();
      throw (await this.#unbootable(error)) ?? error;
    } finally {
      listener.close();
    }
  }

  /** Ends the machine; the guest writes what it has for the host first. Resolves when nothing of it runs. */
  async stop(): Promise<void> {
    // One that has just failed doesn't answer any more, and what it says of that is no news.
    await this.#guest?.call({ $case: 'sync', value: {} }, { deadlineMs: syncDeadlineMs }).catch(() => undefined);
    this.#stop.abort();
    this.#qemu?.kill();
    if (!this.#qemu) this.#ended.resolve(undefined);
    this.#virtiofsd?.kill();
    await Promise.all([this.ended, this.#virtiofsd?.ended]);
  }

  async #startVirtiofsd(): Promise<void> {
    const { parts } = this.#config;
    const options = `source=${this.#directory.share},cache=auto,sandbox=namespace,xattr,announce_submounts`;
    const args = [`--socket-path=${this.#directory.virtiofsdSocket}`, '-o', options, '--rlimit-nofile=0'];
    const virtiofsd = new Program([...this.#owned(), parts.virtiofsd, ...args], {
      name: 'virtiofsd',
      pidFile: this.#directory.pidFile('virtiofsd'),
    });
    this.#virtiofsd = virtiofsd;
    const limit = AbortSignal.any([this.#stop.signal, AbortSignal.timeout(bootDeadlineMs)]);
    const listening = appearance(this.#directory.virtiofsdSocket, limit).catch((cause: unknown) => {
      throw new PluginError('DEADLINE_EXCEEDED', `it didn't listen within ${bootDeadlineMs / 1000} s`, { object: 'virtiofsd', cause });
    });
    const failed = virtiofsd.ended.then((end) => {
      throw new PluginError('INTERNAL', virtiofsd.describe(end), { object: 'machine' });
    });
    await Promise.race([listening, failed]);
    void virtiofsd.ended.then((end) => this.#virtiofsdEnded(virtiofsd, end));
  }

  #startQemu(): Program {
    const { parts, network } = this.#config;
    const inNamespace = network ? [parts.nsenter, `--net=${network.namespace}`] : [];
    const qemu = new Program([...inNamespace, ...this.#owned(), parts.qemu, ...qemuArguments(this.#config, this.#directory)], {
      name: 'QEMU',
      pidFile: this.#directory.pidFile('qemu'),
    });
    this.#qemu = qemu;
    this.#console.read(qemu.stdout);
    void qemu.ended.then((end) => this.#qemuEnded(qemu, end));
    return qemu;
  }

  /** Kills a program when this process dies, however that happens. */
  #owned(): string[] {
    return [this.#config.parts.setpriv, '--pdeathsig', 'KILL'];
  }

  /** Throws once the machine has ended, or is overdue. */
  async #lost(qemu: Program): Promise<never> {
    const overdue = delay(bootDeadlineMs, true, { signal: this.#stop.signal, ref: false }).catch(() => false);
    if (await overdue) throw this.#overdue(qemu);
    throw new PluginError('UNAVAILABLE', (await this.ended) ?? 'it was stopped', { object: 'machine' });
  }

  #overdue(qemu: Program): PluginError {
    const { last } = this.#console;
    const saw = last === '' ? 'the console shows nothing' : `the console's last line is: ${last}`;
    return new PluginError('DEADLINE_EXCEEDED', `the guest didn't boot within ${bootDeadlineMs / 1000} s; ${saw}`, { object: qemu.name });
  }

  /** What to say where QEMU runs and its guest ends instead of booting: what it boots is to blame. */
  async #unbootable(cause: unknown): Promise<PluginError | undefined> {
    const end = await this.#qemu?.ended;
    if (!end || !endedByGuest(end)) return undefined;
    const { id, parts } = this.#config;
    return new PluginError('UNAVAILABLE', `its machine has ended: ${guestEnd(this.#console)}`, {
      object: `sandbox ${id.slice(0, 12)}`,
      hint: guestHint(parts),
      cause,
    });
  }

  async #watch(guest: GuestConnection): Promise<void> {
    const { watchdogMs } = this.#config;
    const ping = (deadlineMs: number) => guest.call({ $case: 'ping', value: { now: now() } }, { deadlineMs });
    await watchGuest(ping, watchdogMs, this.#stop.signal);
    if (!this.#stop.signal.aborted) this.#fail(`the guest has not answered for ${watchdogMs / 1000} s`);
  }

  /** Ends the machine for this reason, unless it has another one already. */
  #fail(reason: string): void {
    this.#reason ??= reason;
    this.#qemu?.kill();
  }

  async #qemuEnded(qemu: Program, end: ProgramEnd): Promise<void> {
    const asked = this.#stop.signal.aborted;
    this.#stop.abort();
    const own = endedByGuest(end) ? guestEnd(this.#console) : qemu.describe(end);
    const drained = this.#guest?.close(new PluginError('UNAVAILABLE', this.#reason ?? own, { object: 'machine' }));
    await Promise.race([drained, delay(drainMs, undefined, { ref: false })]);
    this.#ended.resolve(asked ? undefined : (this.#reason ?? own));
  }

  /** It ends with status 0 when QEMU has closed its connection. */
  async #virtiofsdEnded(virtiofsd: Program, end: ProgramEnd): Promise<void> {
    if (endedByGuest(end)) await this.#unlessEnded(virtiofsd.describe(end));
    else this.#fail(virtiofsd.describe(end));
  }

  /** What comes of QEMU's end is no reason of its own. */
  async #unlessEnded(reason: string): Promise<void> {
    await Promise.race([this.ended, delay(consequenceMs, undefined, { ref: false })]);
    this.#fail(reason);
  }

  /** Of the guest's console, for the log. */
  get consoleLines(): readonly string[] {
    return this.#console.lines;
  }

  #configuration() {
    const { hostname, sysctls, network } = this.#config;
    return { hostname, sysctls, interface: network?.interface, now: now() };
  }
}

/** What can be done about a guest that ends instead of booting. */
function guestHint({ kernel, initramfs }: MachineConfig['parts']): string {
  return `it booted ${kernel} with ${initramfs}: make them anew with "npm run setup -- --runtime vm" in a checkout, or name another directory with --guest`;
}

/** In nanoseconds since the epoch. */
function now(): bigint {
  return BigInt(Date.now()) * 1_000_000n;
}

/** The first connection to a unix socket. */
async function accept(listener: Server, path: string): Promise<Socket> {
  listener.listen(path);
  const [socket] = (await once(listener, 'connection')) as [Socket];
  return socket;
}
