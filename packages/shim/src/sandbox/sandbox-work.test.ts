import { describe, expect, it } from 'vitest';
import { SandboxWork } from './sandbox-work.ts';

const never = new AbortController().signal;

/** Ends when it is aborted, after `cleanUp`. */
function untilAborted(signal: AbortSignal, cleanUp: Promise<void> = Promise.resolve()): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  signal.addEventListener('abort', () => void cleanUp.then(() => reject(signal.reason)), { once: true });
  return promise;
}

describe('SandboxWork', () => {
  it('aborts what goes on in a sandbox that ends, and waits for its clean-up', async () => {
    const work = new SandboxWork();
    const cleanUp = Promise.withResolvers<void>();
    const steps: string[] = [];
    const made = work
      .inside('a', never, (signal) => untilAborted(signal, cleanUp.promise))
      .catch((error: Error) => steps.push(error.message));
    const ended = work.end('a', never).then(() => steps.push('ended'));
    cleanUp.resolve();
    await Promise.all([made, ended]);
    expect(steps.toSorted()).toEqual(['ended', 'sandbox a: it is being stopped']);
  });

  it('leaves the work of other sandboxes alone', async () => {
    const work = new SandboxWork();
    const gate = Promise.withResolvers<string>();
    const made = work.inside('b', never, () => gate.promise);
    await work.end('a', never);
    gate.resolve('made');
    expect(await made).toBe('made');
  });

  it('waits no longer than the stop itself may take', async () => {
    const work = new SandboxWork();
    const hung = Promise.withResolvers<void>();
    const made = work.inside('a', never, () => hung.promise);
    const stop = new AbortController();
    const ended = work.end('a', stop.signal);
    stop.abort(new Error('out of patience'));
    await expect(ended).rejects.toThrow('out of patience');
    hung.resolve();
    await made;
  });
});
