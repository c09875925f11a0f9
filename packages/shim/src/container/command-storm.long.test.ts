import { readFileSync } from 'node:fs';
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Client, connect } from '@berth/sdk/connect';
import { ImageServiceService, PullImageRequest, RuntimeServiceService } from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ShimProcess } from '../../testing/shim-process.ts';
import { containerConfig, image, podConfig } from '../../testing/test-shim.ts';

const mebibyte = 1024 * 1024;

/** What is held, and what of 10,000 requests the collector hasn't taken yet. */
const mostGrowthBytes = 300 * mebibyte;

describe.skipIf(process.platform !== 'linux')('a storm of commands (memory is read from /proc, which only Linux has)', () => {
  let directory: string;
  let shim: ShimProcess;
  let runtime: Client<RuntimeServiceService>;
  let containerId: string;

  beforeEach(async () => {
    directory = await realpath(await mkdtemp(join(tmpdir(), 'berth-storm-')));
    const address = `unix://${directory}/cri.sock`;
    shim = new ShimProcess(['--listen', address, '--root', join(directory, 'root'), '--run', join(directory, 'run')]);
    await shim.printed(/"serving"/);
    const images = connect(ImageServiceService, address, { deadlineMs: 15_000 });
    await images.pullImage(PullImageRequest.fromPartial({ image: { image } }));
    images.close();
    runtime = connect(RuntimeServiceService, address, { deadlineMs: 60_000 });
    const { podSandboxId } = await runtime.runPodSandbox({ config: podConfig(), runtimeHandler: '' });
    ({ containerId } = await runtime.createContainer({ podSandboxId, config: containerConfig(), sandboxConfig: undefined }));
    await runtime.startContainer({ containerId });
  });

  afterEach(async () => {
    runtime.close();
    shim.kill('SIGKILL');
    await shim.ended();
    await rm(directory, { recursive: true });
  });

  const residentBytes = () => Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${shim.pid}/status`, 'utf8'))?.[1]) * 1024;

  /** Asks so many times, 50 at once; the answers by their codes, by how much the server grew, and how many minutes it took. */
  async function storm(times: number, ask: () => Promise<unknown>) {
    const before = residentBytes();
    const begun = Date.now();
    const codes: Record<string, number> = {};
    const note = (code: string): void => {
      codes[code] = (codes[code] ?? 0) + 1;
    };
    const turns = Array.from({ length: times }).keys();
    const worker = async (): Promise<void> => {
      for (const _ of turns) {
        await ask().then(
          () => note('OK'),
          (error: unknown) => note(PluginError.from(error).code),
        );
      }
    };
    await Promise.all(Array.from({ length: 50 }, worker));
    const grownBytes = residentBytes() - before;
    console.log(`${JSON.stringify(codes)}; grown by ${Math.round(grownBytes / mebibyte)} MiB`);
    return { ok: codes.OK ?? 0, refused: codes.RESOURCE_EXHAUSTED ?? 0, grownBytes, minutes: Math.ceil((Date.now() - begun) / 60_000) };
  }

  it('of sessions the first 1000 are given out, and the server grows by no more than they need', async () => {
    const request = { containerId, cmd: ['echo', 'x'.repeat(1000)], stdin: false, stdout: true, stderr: false, tty: false };
    const { ok, refused, grownBytes, minutes } = await storm(10_000, () => runtime.exec(request));
    expect(ok + refused).toBe(10_000);
    // On a slow host the first ones expire meanwhile.
    expect(ok).toBeLessThanOrEqual(1000 * minutes);
    expect(ok).toBeGreaterThanOrEqual(1000);
    expect(grownBytes).toBeLessThan(mostGrowthBytes);
  });

  it('of sessions with long commands no more are given out than 16 MiB of them', async () => {
    const request = { containerId, cmd: ['echo', 'x'.repeat(100_000)], stdin: false, stdout: true, stderr: false, tty: false };
    const { ok, refused, grownBytes, minutes } = await storm(1000, () => runtime.exec(request));
    expect(ok + refused).toBe(1000);
    expect(ok).toBeLessThanOrEqual(167 * minutes);
    expect(grownBytes).toBeLessThan(mostGrowthBytes);
  });

  it('of ExecSync 250 run at once, the others are refused, and all is well when they have ended', async () => {
    const enough = new AbortController();
    const options = { signal: enough.signal, deadlineMs: 600_000 };
    const running = Array.from({ length: 250 }, () => runtime.execSync({ containerId, cmd: ['sleep', '600'], timeout: 600n }, options));
    const ended = Promise.allSettled(running);
    const short = () => runtime.execSync({ containerId, cmd: ['true'], timeout: 5n });
    const code = () =>
      short().then(
        () => 'OK',
        (error: unknown) => PluginError.from(error).code,
      );
    await expect.poll(code, { timeout: 30_000 }).toBe('RESOURCE_EXHAUSTED');
    const { refused, grownBytes } = await storm(10_000, short);
    expect(refused).toBe(10_000);
    expect(grownBytes).toBeLessThan(mostGrowthBytes);
    enough.abort();
    await ended;
    await expect.poll(code, { timeout: 30_000 }).toBe('OK');
  });
});
