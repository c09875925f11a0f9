import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TestShim } from '../../testing/test-shim.ts';

let shim: TestShim;
let containerId: string;

beforeEach(async () => {
  shim = await TestShim.start();
  containerId = await shim.runContainer(await shim.runPod());
});

afterEach(async () => {
  expect(shim.host.violations).toEqual([]);
  await shim.close();
});

function execSync(cmd: string[], timeout = 0n): ReturnType<typeof shim.runtime.execSync> {
  return shim.runtime.execSync({ containerId, cmd, timeout });
}

const mebibytes = (count: number): number => count * 1024 * 1024;

describe('ExecSync', () => {
  it('gives output and exit code', async () => {
    const { stdout, stderr, exitCode } = await execSync(['sh', '-c', 'echo out; echo err >&2; exit 9']);
    expect([stdout, stderr].map(String)).toEqual(['out\n', 'err\n']);
    expect(exitCode).toBe(9);
  });

  it('drops what is beyond 16 MiB, and lets the command go on', async () => {
    const { stdout, exitCode } = await execSync(['sh', '-c', 'head -c 17000000 /dev/zero; exit 4']);
    expect(stdout.length).toBe(mebibytes(16) - 1024);
    expect(exitCode).toBe(4);
  });

  it('drops what of both streams together is beyond 16 MiB, from the longer one', async () => {
    const script = 'head -c 17000000 /dev/zero; head -c 1000000 /dev/zero >&2';
    const { stdout, stderr } = await execSync(['sh', '-c', script]);
    expect([stdout.length, stderr.length]).toEqual([mebibytes(16) - 1024 - 1_000_000, 1_000_000]);
    const even = await execSync(['sh', '-c', 'head -c 17000000 /dev/zero; head -c 17000000 /dev/zero >&2']);
    expect([even.stdout.length, even.stderr.length]).toEqual([mebibytes(8) - 512, mebibytes(8) - 512]);
  });

  it('ends a command at its time limit', async () => {
    await expect(execSync(['sleep', '1000'], 1n)).rejects.toThrow(
      expect.objectContaining({
        code: 'DEADLINE_EXCEEDED',
        message: expect.stringMatching(/"sleep" didn't end within 1 s and was killed/),
      }),
    );
  });

  it('runs commands beside each other', async () => {
    const slow = execSync(['sleep', '1000']);
    slow.catch(() => undefined);
    expect((await execSync(['true'])).exitCode).toBe(0);
    await shim.runtime.stopContainer({ containerId, timeout: 0n });
  });

  it('refuses an empty command, an unknown container and one that has ended', async () => {
    await expect(execSync([])).rejects.toThrow(/cmd is empty/);
    await shim.runtime.stopContainer({ containerId, timeout: 0n });
    await expect(execSync(['true'])).rejects.toThrow(/it is exited, and commands run in running containers only/);
    containerId = 'f'.repeat(64);
    await expect(execSync(['true'])).rejects.toThrow(expect.objectContaining({ code: 'NOT_FOUND' }));
  });
});
