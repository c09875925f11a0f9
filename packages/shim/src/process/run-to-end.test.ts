import { describe, expect, it } from 'vitest';
import { runToEnd } from './run-to-end.ts';

const notHere = process.platform === 'linux' ? undefined : 'posix_spawn is bound on Linux only';

describe.skipIf(notHere)(`runToEnd${notHere ? ` (${notHere})` : ''}`, () => {
  const signal = AbortSignal.timeout(20_000);

  it('gives how a program ended, and what it printed', async () => {
    const outcome = await runToEnd('sh', ['-c', 'echo one; echo two >&2; exit 3'], { signal });
    expect(outcome).toEqual({ code: 3, signal: null, stdout: 'one\n', stderr: 'two\n' });
  });

  it('ends one that prints without end', async () => {
    await expect(runToEnd('sh', ['-c', 'while :; do echo y; done'], { signal })).rejects.toMatchObject({ code: 'RESOURCE_EXHAUSTED' });
  });

  it('ends one that the caller gives up', async () => {
    await expect(runToEnd('sleep', ['60'], { signal: AbortSignal.timeout(20) })).rejects.toMatchObject({ name: 'TimeoutError' });
  });
});
