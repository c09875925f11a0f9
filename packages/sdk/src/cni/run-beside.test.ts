import { describe, expect, it } from 'vitest';
import { runBeside } from './run-beside.ts';

const node = (script: string, options: Parameters<typeof runBeside>[2] = {}) => runBeside(process.execPath, ['-e', script], options);

describe('a program that runs beside', () => {
  it('gets its input, and gives what it prints and its status', async () => {
    const script = 'process.stdin.pipe(process.stdout); console.error("seen"); process.exitCode = 3';
    expect(await node(script, { input: 'text' })).toMatchObject({ error: undefined, status: 3, stdout: 'text', stderr: 'seen\n' });
  });

  it('keeps what it has printed when a signal ends it', async () => {
    const script = 'require("fs").writeSync(1, "answer"); process.kill(process.pid, "SIGTERM"); setInterval(() => {}, 1000)';
    expect(await node(script)).toMatchObject({ error: undefined, status: null, signal: 'SIGTERM', stdout: 'answer' });
  });

  it.each([
    ['time', 'setInterval(() => {}, 1000)', { timeLimitMs: 200 }],
    ['output', 'process.stdout.write("x".repeat(3 * 1024 * 1024)); setInterval(() => {}, 1000)', { outputLimit: 1 }],
  ])('is killed for its %s, and the error says what it may take', async (_, script, options) => {
    expect((await node(script, options)).error?.message).toMatch(/^was ended by SIGKILL: it may take [\d.]+ s and print \d+ MiB$/);
  });

  it('is waited for no longer than its time where what it has started holds its outputs open', async () => {
    const started = performance.now();
    const { error, stdout } = await runBeside('/bin/sh', ['-c', 'echo $$; sleep 3; true'], { timeLimitMs: 200 });
    expect(error?.message).toMatch(/^was ended by SIGKILL/);
    expect(stdout).toMatch(/^\d+\n$/);
    expect(performance.now() - started).toBeLessThan(2000);
  });

  it('that can not be started for its arguments is an error', async () => {
    expect(await runBeside('/bin/true', ['x'.repeat(200_000)])).toMatchObject({ error: { code: 'E2BIG' }, status: null });
  });

  it('that can not be started for lack of descriptors is an error', async () => {
    const script = `
      const { openSync } = await import('node:fs');
      const { runBeside } = await import(${JSON.stringify(new URL('run-beside.ts', import.meta.url).href)});
      try { for (;;) openSync('/dev/null'); } catch {}
      const { error, status } = await runBeside('true', []);
      console.log(error.code, status);
    `;
    const limited = 'ulimit -n 60; exec "$0" --input-type=module -e "$1"';
    expect(await runBeside('/bin/sh', ['-c', limited, process.execPath, script])).toMatchObject({ stdout: 'EMFILE null\n', status: 0 });
  });

  it('that is not there is an error', async () => {
    expect(await runBeside('berth-no-such-program', [])).toMatchObject({ error: { code: 'ENOENT' }, status: null });
  });
});
