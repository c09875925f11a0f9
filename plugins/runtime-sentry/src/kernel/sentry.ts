import { closeSync, existsSync, renameSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { extname, join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Message } from './descriptor-socket.ts';
import { type FilteredProcess, parseProcessState } from './filtered-process.ts';
import type { Assignment } from './responder-thread.ts';
import { type Counts, Tally } from './tally.ts';

// The Sentry of one pod. usage: sentry.ts DIRECTORY. In DIRECTORY it listens on `notify` for OCI runtimes and on `health` for the
// shim, and keeps its `pid` and counts of the system calls in `calls.json`. It ends by a signal; what goes wrong ends it too, and with it the
// pod, and is told in `failure`.

const heartbeatMs = 1000;

const [directory = ''] = process.argv.slice(2);
const pidFile = join(directory, 'pid');
// Before all else: the shim that started it may be killed at any time, and the next one finds it by this.
writeFileSync(pidFile, String(process.pid), { mode: 0o600 });
// Modes of new files are worked out for their maker, with its umask.
process.umask(0);

const tallies = new Set<Tally>();
const past: Counts = { answered: {}, continued: {}, unimplemented: {} };
const watchers = new Set<Socket>();
let written = '';

function thread(name: string, data?: unknown): Worker {
  const worker = new Worker(new URL(`./${name}${extname(import.meta.filename)}`, import.meta.url), { workerData: data });
  worker.on('error', (error) => fail(`${name}: ${error.stack}`));
  return worker;
}

function fail(why: string): void {
  writeFileSync(join(directory, 'failure'), why, { mode: 0o600 });
  end();
}

/** The threads wait in system calls, from which nothing less brings them back. */
function end(): void {
  writeCounts();
  process.kill(process.pid, 'SIGKILL');
}

function answerFor(message: Message): void {
  const filtered = readState(message);
  if (!filtered) return;
  const memory = Tally.memory();
  const tally = new Tally(memory);
  const assignment: Assignment = { process: filtered, tally: memory };
  tallies.add(tally);
  spare
    .on('exit', () => {
      tallies.delete(tally);
      tally.addTo(past);
    })
    .postMessage(assignment);
  spare = thread('responder-thread');
}

/** Undefined for what an OCI runtime that was killed has left unfinished: its process ends with it. */
function readState({ text, descriptors }: Message): FilteredProcess | undefined {
  try {
    return parseProcessState(text, descriptors);
  } catch (error) {
    writeSync(2, `ignored a message of an OCI runtime: ${(error as Error).message}\n`);
    for (const descriptor of descriptors) closeSync(descriptor);
    return undefined;
  }
}

/** Whole at any time for whoever reads it. */
function writeCounts(): void {
  const counts: Counts = structuredClone(past);
  for (const tally of tallies) tally.addTo(counts);
  const text = `${JSON.stringify(counts)}\n`;
  if (text === written) return;
  const path = join(directory, 'calls.json');
  try {
    writeFileSync(`${path}.new`, text, { mode: 0o600 });
    renameSync(`${path}.new`, path);
    written = text;
  } catch {
    // A full disk is no reason to end a pod. The next beat tries again.
  }
}

function beat(): void {
  // Who took its directory away may have come before it said who it is, and nobody would find it any more.
  if (!existsSync(pidFile)) process.kill(process.pid, 'SIGKILL');
  writeCounts();
  const busySeconds = Math.max(0, ...[...tallies].map((tally) => tally.busySeconds()));
  for (const watcher of watchers) watcher.write(`${JSON.stringify({ busySeconds })}\n`);
}

process.on('SIGTERM', end);
process.on('uncaughtException', (error) => fail(String(error.stack)));

/** A thread that is up already when it is needed: making one takes longer than all else that starts a container. */
let spare = thread('responder-thread');

rmSync(join(directory, 'notify'), { force: true });
const acceptor = thread('acceptor', { path: join(directory, 'notify') });
acceptor.on('message', (message: Message | 'listening') => {
  if (message !== 'listening') return answerFor(message);
  const server = createServer((watcher) => {
    watchers.add(watcher);
    watcher.on('close', () => watchers.delete(watcher)).on('error', () => watcher.destroy());
    beat();
  });
  // By its name it is found only once it listens.
  const path = join(directory, 'health');
  server.listen(`${path}.new`, () => renameSync(`${path}.new`, path));
  setInterval(beat, heartbeatMs);
});
