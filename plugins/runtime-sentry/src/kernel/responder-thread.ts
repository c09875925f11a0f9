import { parentPort } from 'node:worker_threads';
import type { FilteredProcess } from './filtered-process.ts';
import { Responder } from './responder.ts';
import { Tally } from './tally.ts';

// A worker thread: waits to be told of a filtered process, answers its system calls, and ends with it.

export interface Assignment {
  process: FilteredProcess;
  tally: SharedArrayBuffer;
}

parentPort?.once('message', ({ process, tally }: Assignment) => new Responder(process, new Tally(tally)).run());
