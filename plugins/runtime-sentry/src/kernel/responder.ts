import { writeSync } from 'node:fs';
import { workerData } from 'node:worker_threads';
import { handlerTable } from './calls/table.ts';
import { EACCES, ENOSYS } from './errno.ts';
import { closeDescriptor, O_DIRECTORY, O_PATH, openHost } from './files/host-files.ts';
import type { FilteredProcess } from './filtered-process.ts';
import { whatLeaks } from './first-exec.ts';
import { InterruptedCalls } from './interrupted-calls.ts';
import { Kernel } from './kernel.ts';
import { machineFor } from './machine.ts';
import { type Answer, Notifications } from './notifications.ts';
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

while (notifications.receive()) {
  tally.begin();
  const answer = answerTo();
  const inTime = notifications.answer(answer);
  if (typeof answer === 'object') closeDescriptor(answer.descriptor);
  if (!inTime && typeof answer === 'number') interrupted.keep(nameOf(notifications.number), notifications, answer);
  tally.end(notifications.number, answer);
}
closeDescriptor(root);
closeDescriptor(filtered.descriptor);

function answerTo(): Answer {
  if (!notifications.isNative) return -ENOSYS;
  if (isRuntimes && notifications.number !== execve) return 'continue';
  if (isRuntimes) return firstExec();
  return interrupted.take(notifications) ?? handlers[notifications.number]?.(notifications, kernel) ?? -ENOSYS;
}

function firstExec(): Answer {
  isRuntimes = false;
  const leak = whatLeaks(notifications, kernel);
  if (leak === undefined) return handlers[execve]?.(notifications, kernel) ?? -ENOSYS;
  writeSync(2, `container ${filtered.metadata.containerId} is not started: ${leak}\n`);
  return -EACCES;
}
