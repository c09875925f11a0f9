import { PluginError } from '@berth/sdk/errors';
import { describe, expect, it } from 'vitest';
import { GuardedRuntime } from './guarded-runtime.ts';
import type { Runtime, SandboxSpec } from './runtime.ts';

const sandbox: SandboxSpec = {
  id: 'abc',
  config: {} as SandboxSpec['config'],
  directory: '/nowhere',
  namespaces: {},
  sharedPid: false,
  files: {},
};

function guard(stopSandbox: Runtime['stopSandbox']): GuardedRuntime {
  return new GuardedRuntime({ stopSandbox } as Runtime, 5);
}

describe('GuardedRuntime', () => {
  it('stops waiting for a call that is deaf to its signal', async () => {
    const runtime = guard(() => new Promise(() => undefined));
    const abort = new AbortController();
    const stopped = runtime.stopSandbox(sandbox, abort.signal);
    abort.abort(new PluginError('CANCELLED', 'enough'));
    await expect(stopped).rejects.toThrow(/abc: the runtime's stopSandbox didn't end within 0\.005 s/);
  });

  it('has those of the optional methods that the runtime has, and bounds them too', async () => {
    expect(new GuardedRuntime({} as Runtime)).toMatchObject({ attach: undefined, reopenLog: undefined, dial: undefined });
    const deaf = () => new Promise<never>(() => undefined);
    const runtime = new GuardedRuntime({ dial: deaf } as unknown as Runtime, 5);
    const abort = new AbortController();
    const dialled = runtime.dial?.(sandbox, 80, abort.signal);
    abort.abort();
    await expect(dialled).rejects.toThrow(/abc: the runtime's dial didn't end within 0\.005 s/);
  });

  it('waits for a call that cleans up when told to end', async () => {
    const runtime = guard(async (_, signal) => {
      const { promise, reject } = Promise.withResolvers<void>();
      signal.addEventListener('abort', () => setImmediate(() => reject(new PluginError('ABORTED', 'cleaned up'))), { once: true });
      await promise;
    });
    const abort = new AbortController();
    const stopped = runtime.stopSandbox(sandbox, abort.signal);
    abort.abort();
    await expect(stopped).rejects.toThrow('cleaned up');
  });

  it('does not begin a call that is over already', async () => {
    let begun = false;
    const runtime = guard(async () => {
      begun = true;
    });
    await expect(runtime.stopSandbox(sandbox, AbortSignal.abort(new Error('over')))).rejects.toThrow('over');
    expect(begun).toBe(false);
  });

  it('makes what a runtime throws a PluginError that names the object', async () => {
    const runtime = guard(() => Promise.reject(new TypeError('a bug')));
    const failure = await runtime.stopSandbox(sandbox, new AbortController().signal).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(PluginError);
    expect((failure as PluginError).message).toBe('abc: a bug');
  });
});
