import { writeSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import { closeDescriptor } from './files/host-files.ts';
import type { FilteredProcess } from './filtered-process.ts';
import { Responder } from './responder.ts';
import { Tally } from './tally.ts';

// A worker thread: waits to be told of a filtered process, answers its system calls, and ends with it.

export interface Assignment {
  process: FilteredProcess;
  tally: SharedArrayBuffer;
}

parentPort?.once('message', (assignment: Assignment) => responderFor(assignment)?.run());

/** Undefined for a process that has ended already, or can't be served: without anybody to answer, it ends by itself. */
function responderFor({ process, tally }: Assignment): Responder | undefined {
  try {
    return new Responder(process, new Tally(tally));
  } catch (error) {
    writeSync(2, `container ${process.metadata.containerId} gets no answers: ${(error as Error).message}\n`);
    closeDescriptor(process.descriptor);
    return undefined;
  }
}
