import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RuntimeClient } from '../src/runtime/runtime-client.ts';
import { timerClient } from './timer-client.ts';
import { TimerRuntime } from './timer-runtime.ts';

/** A timer runtime that serves in a directory of its own, with a connection to it: for tests of a part that needs no whole kubelet. */
export interface ServedRuntime {
  directory: string;
  runtime: TimerRuntime;
  client: RuntimeClient;
  stop(): Promise<void>;
}

export async function serveRuntime(): Promise<ServedRuntime> {
  const directory = await mkdtemp(join(tmpdir(), 'berth-runtime-'));
  const runtime = new TimerRuntime(directory);
  await runtime.open();
  const connection = new AbortController();
  return {
    directory,
    runtime,
    client: timerClient(runtime.address, { signal: connection.signal, deadlineMs: 5000 }),
    async stop() {
      connection.abort();
      runtime.dispose();
      await runtime.close();
      await rm(directory, { recursive: true });
    },
  };
}
