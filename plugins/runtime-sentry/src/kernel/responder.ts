import { writeSync } from 'node:fs';
import { workerData } from 'node:worker_threads';
import { handlerTable } from './calls/table.ts';
import { EACCES, ENOSYS } from './errno.ts';
import { closeDescriptor, O_DIRECTORY, O_PATH, openHost } from './files/host-files.ts';
import type { FilteredProcess } from './filtered-process.ts';
import { whatLeaks } from './first-exec.ts';
import { InterruptedCalls } from './interrupted-calls.ts';
import { Kernel } from './kernel.ts';
import { give, LaterAnswers } from './later-answers.ts';
import { machineFor } from './machine.ts';
import { type Answer, type LaterAnswer, Notifications } from './notifications.ts';
import { nameOf, numberOf } from './syscall-numbers.ts';
import { Tally } from './tally.ts';

// A worker thread: answers all system calls under one filter, until no process is left there.

export interface ResponderData {
  process: FilteredProcess;
  tally: SharedArrayBuffer;
}

const execve = numberOf('execve');

const { process: filtered, tally: shared } = workerData as ResponderData;
const notifications = new Notifications(filtered.descriptor);
const tally = new Tally(shared);
const handlers = handlerTable();
const interrupted = new InterruptedCalls();
notifications.wakeOnSameCpu();
const root = openHost(`/proc/${filtered.pid}/root`, O_PATH | O_DIRECTORY);
const kernel = new Kernel(root, machineFor(filtered.metadata), () => notifications.isWaiting());

/** Until it executes the container's program the process is the OCI runtime's own, at work on its last steps. */
let isRuntimes = true;

const later = new LaterAnswers(notifications);
for (let next = notifications.receive(-1); next !== 'ended'; next = notifications.receive(later.patienceMs)) {
  if (next === 'call') respond();
  later.retry();
}
closeDescriptor(root);
closeDescriptor(filtered.descriptor);

function respond(): void {
  tally.begin();
  const answer = answerTo();
  if (typeof answer === 'object' && 'retry' in answer) later.add(answer);
  else if (!give(notifications, answer) && typeof answer === 'number')
    interrupted.keep(nameOf(notifications.number), notifications, answer);
  tally.end(notifications.number, answer);
}

function answerTo(): Answer | LaterAnswer {
  if (!notifications.isNative) return -ENOSYS;
  if (isRuntimes && notifications.number !== execve) return 'continue';
  if (isRuntimes) return firstExec();
  return interrupted.take(notifications) ?? handlers[notifications.number]?.(notifications, kernel) ?? -ENOSYS;
}

function firstExec(): Answer | LaterAnswer {
  isRuntimes = false;
  const leak = whatLeaks(notifications, kernel);
  if (leak === undefined) return handlers[execve]?.(notifications, kernel) ?? -ENOSYS;
  writeSync(2, `container ${filtered.metadata.containerId} is not started: ${leak}\n`);
  return -EACCES;
}
