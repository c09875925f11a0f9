import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { describeOciRuntimes, OciHost } from '../../testing/oci-host.ts';
import { SmallDisk } from '../../testing/small-disk.ts';
import type { ContainerSpec } from '../runtime.ts';

describeOciRuntimes('OciRuntime.exec', (binary) => {
  let host: OciHost;
  let container: ContainerSpec;

  beforeEach(async () => {
    host = await OciHost.open(binary);
    container = host.container('sleep 60');
    await host.run(container);
  });

  afterEach(() => host.close());

  async function exec(args: string[], signal = host.signal): Promise<{ exitCode: number; stdout: string; stderr: string }> {
    const [stdout, stderr] = [new Collected(), new Collected()];
    const exitCode = await host.runtime.exec(container, { args }, { stdout, stderr }, signal);
    return { exitCode, stdout: stdout.text, stderr: stderr.text };
  }

  it('gives what the process printed, all of it, and its exit code', async () => {
    expect(await exec(['sh', '-c', 'echo out; echo err >&2; exit 3'])).toEqual({ exitCode: 3, stdout: 'out\n', stderr: 'err\n' });
    const { exitCode, stdout } = await exec(['head', '-c', '3000000', '/dev/zero']);
    expect([exitCode, stdout.length]).toEqual([0, 3_000_000]);
  });

  it('runs it in the container, with its environment and directory', async () => {
    const { stdout } = await exec(['sh', '-c', 'echo $PATH; readlink /proc/self/cwd; ps -o args']);
    expect(stdout.split('\n').slice(0, 2)).toEqual(['/bin', '/']);
    expect(stdout).toContain('sleep 60');
  });

  it('says 128 + the number of a signal that ended the process', async () => {
    expect((await exec(['sh', '-c', 'kill -TERM $$'])).exitCode).toBe(143);
  });

  it('names the container and a program that is missing', async () => {
    await expect(exec(['nope'])).rejects.toThrow(/command "nope" in container main: .*nope.*not found/);
  });

  it("tells a full disk of a command that can't be run for it", async () => {
    const config = await readFile(join(container.directory, 'config.json'));
    const disk = new SmallDisk(container.directory, '1m');
    try {
      await writeFile(join(container.directory, 'config.json'), config);
      disk.fill();
      const refusal = {
        code: 'RESOURCE_EXHAUSTED',
        message: expect.stringMatching(/command "true" in container main: the file system of .* is full/),
      };
      await expect(exec(['true'])).rejects.toThrow(expect.objectContaining(refusal));
    } finally {
      disk.unmount();
    }
  });

  it('kills the process with its group on abort, leaves the container running, and leaves no file', async () => {
    const before = await readdir(container.directory);
    const aborted = new AbortController();
    const running = exec(['sh', '-c', 'sleep 41 & sleep 42'], aborted.signal);
    await vi.waitFor(async () => expect((await exec(['ps', '-o', 'args'])).stdout).toContain('sleep 42'), { timeout: 5000 });
    aborted.abort(new Error('enough'));
    await expect(running).rejects.toThrow('enough');
    const { stdout } = await exec(['ps', '-o', 'args']);
    expect(stdout).toContain('sleep 60');
    expect(stdout).not.toMatch(/sleep 4[12]/);
    expect(await readdir(container.directory)).toEqual(before);
  });

  it('is one recorded call', async () => {
    await exec(['true']);
    expect(host.calls.made.filter(({ method }) => method === 'exec')).toHaveLength(1);
  });
});

class Collected extends Writable {
  text = '';

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}
