import { parentPort, workerData } from 'node:worker_threads';
import { handlerTable } from './calls/table.ts';
import { ENOSYS } from './errno.ts';
import { closeDescriptor, O_DIRECTORY, O_PATH, openHost } from './files/host-files.ts';
import type { FilteredProcess } from './filtered-process.ts';
import { Kernel } from './kernel.ts';
import { machineFor } from './machine.ts';
import { type Answer, Notifications } from './notifications.ts';
import { numberOf } from './syscall-numbers.ts';
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
notifications.wakeOnSameCpu();
const root = openHost(`/proc/${filtered.pid}/root`, O_PATH | O_DIRECTORY);
const kernel = new Kernel(root, machineFor(filtered.metadata));

/** Until it executes the container's program the process is runc's own, at work on its last steps. */
let isRuntimes = true;

while (notifications.receive()) {
  tally.begin();
  const answer = answerTo();
  notifications.answer(answer);
  if (typeof answer === 'object') closeDescriptor(answer.descriptor);
  tally.end(notifications.number, answer);
}
closeDescriptor(root);
closeDescriptor(filtered.descriptor);
parentPort?.postMessage('ended');

function answerTo(): Answer {
  if (!notifications.isNative) return -ENOSYS;
  if (isRuntimes) {
    if (notifications.number !== execve) return 'continue';
    isRuntimes = false;
  }
  return handlers[notifications.number]?.(notifications, kernel) ?? -ENOSYS;
}
