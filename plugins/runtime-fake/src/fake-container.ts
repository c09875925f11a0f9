import { EventEmitter, once } from 'node:events';
import { appendFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Writable } from 'node:stream';
import { unlessAborted } from '@berth/sdk/abort';
import { exitCodeOf, killedExitCode } from '@berth/shim/exit-code';
import type { ContainerSpec, Exit, FoundContainer } from '@berth/shim/runtime';
import type { Behaviour } from './behaviour.ts';
import { type ContainerRecord, readRecord, writeRecord } from './container-record.ts';

/** Where a kubelet notes the path of the termination log, which is one of the container's mounts. */
const terminationMessagePath = 'io.kubernetes.container.terminationMessagePath';

/** One container: a record on disk, and timers for what is still to come. */
export class FakeContainer {
  readonly #spec: ContainerSpec;
  readonly #behaviour: Behaviour;
  readonly #onExit: (exit: Exit) => void;
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #prints = new EventEmitter().setMaxListeners(0);
  #record: ContainerRecord;

  /** Takes up the record in the container's directory, or begins one. */
  constructor(spec: ContainerSpec, behaviour: Behaviour, onExit: (exit: Exit) => void) {
    this.#spec = spec;
    this.#behaviour = behaviour;
    this.#onExit = onExit;
    this.#record = readRecord(spec.directory) ?? {};
    this.#save();
  }

  /** Resolves when the container runs; never, for one that is told to stay created, until `signal` is aborted. */
  async start(signal: AbortSignal): Promise<void> {
    const { startAfter } = this.#behaviour;
    const { promise: started, resolve } = Promise.withResolvers<void>();
    if (startAfter !== 'never') this.#after(startAfter, resolve);
    await unlessAborted(started, signal);
    const now = Date.now();
    const { exitAfter } = this.#behaviour;
    this.#record = { startedAt: now, ...(exitAfter !== undefined && { endsAt: now + exitAfter }) };
    this.#save();
    this.#print();
    this.#resume();
  }

  /** What became of it while no shim ran; goes on from there. */
  found(): FoundContainer {
    const { startedAt, endsAt, exit } = this.#record;
    if (startedAt === undefined) return { state: 'created' };
    if (exit === undefined && endsAt !== undefined && endsAt <= Date.now())
      this.#record.exit = { exitCode: this.#behaviour.exitCode, finishedAt: endsAt };
    if (this.#record.exit) return { state: 'exited', exit: toExit(this.#record.exit) };
    this.#resume();
    return { state: 'running', startedAt: new Date(startedAt) };
  }

  /** Ends the container as a process would by this signal; one that doesn't run stays as it is. */
  signal(posixSignal: string): void {
    if (posixSignal === 'SIGKILL') this.#exit(killedExitCode);
    else if (!this.#behaviour.ignoresStop) this.#exit(this.#behaviour.exitAfter === undefined ? 0 : exitCodeOf(posixSignal));
  }

  /** Writes what is printed from now on to `output`, until the container ends or `signal` is aborted. */
  async show(output: Writable, signal: AbortSignal): Promise<void> {
    if (this.#record.exit) return;
    const print = (text: string): void => void output.write(text);
    this.#prints.on('text', print);
    try {
      await once(this.#prints, 'end', { signal });
    } finally {
      this.#prints.off('text', print);
    }
  }

  /** Makes the log if it isn't there. */
  touchLog(): void {
    if (this.#spec.logPath) appendFileSync(this.#spec.logPath, '');
  }

  /** Forgets all timers; the record goes with the container's directory. */
  dispose(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    this.#prints.emit('end');
  }

  #resume(): void {
    const { endsAt, exit } = this.#record;
    if (exit) return;
    if (endsAt !== undefined) this.#after(Math.max(0, endsAt - Date.now()), () => this.#exit(this.#behaviour.exitCode));
    if (this.#behaviour.outputEvery !== undefined) this.#after(this.#behaviour.outputEvery, () => this.#repeat());
  }

  #repeat(): void {
    if (this.#record.exit) return;
    this.#print();
    this.#after(this.#behaviour.outputEvery ?? 0, () => this.#repeat());
  }

  #exit(exitCode: number): void {
    if (this.#record.startedAt === undefined || this.#record.exit) return;
    this.dispose();
    if (exitCode !== killedExitCode) this.#sayWhy();
    this.#record.exit = { exitCode, finishedAt: Date.now() };
    this.#save();
    this.#onExit(toExit(this.#record.exit));
  }

  #sayWhy(): void {
    const { annotations, mounts } = this.#spec.config;
    const path = annotations[terminationMessagePath];
    const log = mounts.find(({ containerPath }) => containerPath === path);
    const { terminationMessage } = this.#behaviour;
    // A kubelet that removes the pod already has taken the file away.
    if (terminationMessage !== undefined && log && existsSync(log.hostPath)) writeFileSync(log.hostPath, terminationMessage);
  }

  /** Writes the output in CRI log format. */
  #print(): void {
    this.#prints.emit('text', this.#behaviour.output.map((line) => `${line}\n`).join(''));
    if (!this.#spec.logPath) return;
    mkdirSync(dirname(this.#spec.logPath), { recursive: true });
    const stamp = new Date().toISOString().replace('Z', '000000Z');
    appendFileSync(this.#spec.logPath, this.#behaviour.output.map((line) => `${stamp} stdout F ${line}\n`).join(''));
  }

  #after(milliseconds: number, work: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      work();
    }, milliseconds);
    // A shim that has been told to end doesn't wait for its containers.
    timer.unref();
    this.#timers.add(timer);
  }

  #save(): void {
    writeRecord(this.#spec.directory, this.#record);
  }
}

function toExit({ exitCode, finishedAt }: { exitCode: number; finishedAt: number }): Exit {
  return { exitCode, finishedAt: new Date(finishedAt) };
}
