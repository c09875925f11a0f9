import { writeSync } from 'node:fs';
import { handlerTable } from './calls/table.ts';
import { EACCES, ENOSYS } from './errno.ts';
import { closeDescriptor, O_DIRECTORY, O_PATH, openHost } from './files/host-files.ts';
import type { FilteredProcess } from './filtered-process.ts';
import { whatLeaks } from './first-exec.ts';
import { InterruptedCalls } from './interrupted-calls.ts';
import { Kernel } from './kernel.ts';
import { LaterAnswers } from './later-answers.ts';
import { machineFor } from './machine.ts';
import { type Answer, type LaterAnswer, Notifications } from './notifications.ts';
import { nameOf, numberOf } from './syscall-numbers.ts';
import type { Tally } from './tally.ts';

const execve = numberOf('execve');

/** Answers the system calls of all processes under one filter: those of a container, or of one command that was run in it. */
export class Responder {
  readonly #process: FilteredProcess;
  readonly #tally: Tally;
  readonly #notifications: Notifications;
  readonly #kernel: Kernel;
  readonly #handlers = handlerTable();
  readonly #interrupted = new InterruptedCalls();
  readonly #later: LaterAnswers;
  /** Until it executes the container's program the process is the OCI runtime's own, at work on its last steps. A signal may make it try again. */
  #isOciRuntime = true;

  /** Throws if the process has ended, or has no proc file system. */
  constructor(process: FilteredProcess, tally: Tally) {
    this.#process = process;
    this.#tally = tally;
    this.#notifications = new Notifications(process.descriptor);
    this.#notifications.wakeOnSameCpu();
    this.#later = new LaterAnswers(this.#notifications);
    this.#kernel = kernelFor(process, () => this.#notifications.isWaiting());
  }

  /** Returns when no process is left. */
  run(): void {
    for (let next = this.#notifications.receive(-1); next !== 'ended'; next = this.#notifications.receive(this.#later.patienceMs)) {
      if (next === 'call') this.#respond();
      this.#later.retry();
    }
    this.#later.cancel();
    this.#kernel.close();
    closeDescriptor(this.#process.descriptor);
  }

  #respond(): void {
    this.#tally.begin();
    const answer = this.#answer();
    if (typeof answer === 'object' && 'retry' in answer) this.#later.add(answer);
    else if (this.#notifications.answer(answer)) this.#isOciRuntime &&= this.#notifications.number !== execve;
    else if (typeof answer === 'number') this.#keep(answer);
    this.#tally.end(this.#notifications.number, answer);
  }

  #keep(answer: number): void {
    this.#interrupted.keep(nameOf(this.#notifications.number), this.#notifications, answer);
  }

  #answer(): Answer | LaterAnswer {
    if (!this.#notifications.isNative) return -ENOSYS;
    if (!this.#isOciRuntime) return this.#interrupted.take(this.#notifications) ?? this.#handle();
    return this.#notifications.number === execve ? this.#firstExec() : 'continue';
  }

  #handle(): Answer | LaterAnswer {
    return this.#handlers[this.#notifications.number]?.(this.#notifications, this.#kernel) ?? -ENOSYS;
  }

  #firstExec(): Answer | LaterAnswer {
    const leak = whatLeaks(this.#notifications, this.#kernel);
    if (leak === undefined) return this.#handle();
    // One that a signal has called away can't be looked at, and comes again.
    if (this.#notifications.isWaiting()) writeSync(2, `container ${this.#process.metadata.containerId} is not started: ${leak}\n`);
    return -EACCES;
  }
}

function kernelFor({ pid, metadata }: FilteredProcess, isWaiting: () => boolean): Kernel {
  const root = openHost(`/proc/${pid}/root`, O_PATH | O_DIRECTORY);
  if (root < 0) throw new Error(`its process ${pid} has ended`);
  try {
    return new Kernel(root, machineFor(metadata), isWaiting);
  } catch (error) {
    closeDescriptor(root);
    throw error;
  }
}
