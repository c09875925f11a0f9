import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { attachment, network, succeed, usePlugins } from './runner.fixture.ts';

const { executions, install, path, runner } = usePlugins();

describe('a plugin that misbehaves gives one error that names it', () => {
  it.each([
    ['fails without an error object', 'echo broken; exit 3', 'INTERNAL', 'exit status 3 and no error object: broken'],
    ['fails and says so on stderr', 'echo "no\nkernel" >&2; exit 1', 'INTERNAL', 'exit status 1 and no error object: no kernel'],
    ['fails without a word', 'exit 1', 'INTERNAL', 'nothing printed'],
    ['prints garbage', 'echo "<html>"', 'INTERNAL', 'printed something that is no result: <html>'],
    ['prints nothing', 'true', 'INTERNAL', 'printed no result'],
    ['kills itself', 'kill -9 $$', 'INTERNAL', 'was killed by SIGKILL'],
    ['prints the result of an unknown version', `echo '{"cniVersion":"8.0.0"}'`, 'FAILED_PRECONDITION', 'has version 8.0.0'],
    ['prints without end', 'exec cat /dev/zero', 'RESOURCE_EXHAUSTED', 'printed more than 16 MiB on stdout'],
  ])('%s', async (_, script, code, message) => {
    await install('bad', script);
    const failed = runner().add(network('bad'), attachment);
    await expect(failed).rejects.toMatchObject({ code });
    await expect(failed).rejects.toThrow(message);
    await expect(failed).rejects.toThrow('CNI plugin bad, network net, ADD');
  });

  it('is missing', async () => {
    await expect(runner().add(network('absent'), attachment)).rejects.toThrow(
      `CNI plugin absent, network net, ADD: no such executable in /nonexistent, ${path()}; install absent there`,
    );
  });

  it('is not executable', async () => {
    await install('bad', succeed, 0o644);
    await expect(runner().add(network('bad'), attachment)).rejects.toThrow(`${path('bad')} is not an executable file`);
  });

  it('never ends: it and what it started are killed at the time limit', async () => {
    await install('bad', `[ $CNI_COMMAND = DEL ] && exit; sleep 1000 & echo $! > ${path()}/child; wait`);
    await expect(runner({ timeLimitMs: 300 }).add(network('bad'), attachment)).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
      message: "CNI plugin bad, network net, ADD: didn't end within 0.3 s and was killed",
    });
    const child = Number(await readFile(path('child'), 'utf8'));
    expect(await isRunning(child)).toBe(false);
  });

  it('is killed when the caller gives up', async () => {
    await install('bad', `[ $CNI_COMMAND = DEL ] || exec sleep 1000`);
    await expect(runner().add(network('bad'), attachment, AbortSignal.timeout(100))).rejects.toMatchObject({ code: 'CANCELLED' });
  });

  it('shows its failure to the observer', async () => {
    await install('bad', 'echo details >&2; exit 3');
    await expect(runner().del(network('bad'), attachment)).rejects.toThrow();
    expect(executions).toMatchObject([{ plugin: 'bad', verb: 'DEL', exitCode: 3, stderr: 'details\n', error: { code: 'INTERNAL' } }]);
    expect(executions[0]?.durationMs).toBeGreaterThan(0);
  });
});

/** A killed process that nobody has reaped yet is a zombie, which runs no more. */
async function isRunning(pid: number): Promise<boolean> {
  const status = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return status !== '' && !/\) Z /.test(status);
}
