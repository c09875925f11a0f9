import { parentPort, workerData } from 'node:worker_threads';
import { DescriptorSocket } from './descriptor-socket.ts';

// A worker thread: takes what OCI runtimes send when they have put a process under a filter. Says 'listening' first.

const socket = new DescriptorSocket((workerData as { path: string }).path);
parentPort?.postMessage('listening');
for (;;) parentPort?.postMessage(socket.next(isJson));

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
