import type { ExecutorAnswer, ExecutorMessage } from './executing-process.ts';
import { type ExecutionRequest, execute } from './execution.ts';

// The program that an ExecutingProcess starts: it executes what it is told, and ends with who started it.

const running = new Map<number, AbortController>();

async function carryOut(id: number, request: ExecutionRequest): Promise<ExecutorAnswer> {
  const kill = new AbortController();
  running.set(id, kill);
  try {
    return { id, execution: await execute(request, kill.signal) };
  } catch (error) {
    return { id, error: (error as Error).message };
  } finally {
    running.delete(id);
  }
}

/** Who sent the message may have gone meanwhile. */
function answer(message: ExecutorAnswer): void {
  if (process.connected) process.send?.(message);
}

process.on('message', ({ id, request }: ExecutorMessage) => {
  if (request) void carryOut(id, request).then(answer);
  else running.get(id)?.abort();
});

process.on('disconnect', () => {
  for (const kill of running.values()) kill.abort();
});
