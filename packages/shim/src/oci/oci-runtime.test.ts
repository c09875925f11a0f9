import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PluginError } from '@berth/sdk/errors';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { describeOciRuntimes, OciHost } from '../../testing/oci-host.ts';

describeOciRuntimes('OciRuntime', (binary) => {
  let host: OciHost;

  beforeEach(async () => {
    host = await OciHost.open(binary);
  });

  afterEach(() => host.close());

  it('tells the exit code and writes stdout and stderr in CRI log format', async () => {
    const spec = host.container('echo out; echo err >&2; exit 3');
    const started = Date.now();
    await host.run(spec);
    const exit = await host.exitOf(spec);
    expect(exit.exitCode).toBe(3);
    expect(exit.reason).toBeUndefined();
    expect(exit.finishedAt.getTime()).toBeGreaterThan(started - 1000);
    const lines = await host.logLines(spec);
    expect(lines).toHaveLength(2);
    expect(lines).toContainEqual(expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d) stdout F out$/));
    expect(lines).toContainEqual(expect.stringMatching(/ stderr F err$/));
  });

  it('does not run the process before start', async () => {
    const spec = host.container('echo ran');
    await host.runtime.createContainer(spec, host.signal);
    expect(await host.logLines(spec)).toEqual([]);
    await host.runtime.removeContainer(spec, host.signal);
    expect(await host.logLines(spec)).toEqual([]);
  });

  it('delivers a signal, and 128 + its number is the exit code of a process that it ended', async () => {
    const spec = host.container("trap 'exit 7' TERM; echo ready; while true; do sleep 0.05; done");
    await host.run(spec);
    await vi.waitFor(async () => expect(await host.logLines(spec)).toHaveLength(1));
    await host.runtime.signal(spec, 'SIGTERM', host.signal);
    expect((await host.exitOf(spec)).exitCode).toBe(7);
    const killed = host.container('sleep 60');
    await host.run(killed);
    await host.runtime.signal(killed, 'SIGKILL', host.signal);
    expect((await host.exitOf(killed)).exitCode).toBe(137);
  });

  it('takes a signal to an ended or missing container, and a second removal, for success', async () => {
    const spec = host.container('true');
    await host.runtime.signal(spec, 'SIGTERM', host.signal);
    await host.run(spec);
    await host.exitOf(spec);
    await host.runtime.signal(spec, 'SIGTERM', host.signal);
    await host.runtime.removeContainer(spec, host.signal);
    await host.runtime.removeContainer(spec, host.signal);
  });

  it('names the container and the missing executable, and leaves nothing of the container', async () => {
    const spec = host.container('', {}, ['nope']);
    const failure = host.runtime.createContainer(spec, host.signal);
    await expect(failure).rejects.toThrow(/container main.*"?nope"?.*not found/);
    await host.expectNothingLeft();
  });

  it('ends what runs when the sandbox is stopped', async () => {
    const spec = host.container('sleep 60');
    await host.run(spec);
    await host.runtime.stopSandbox(host.sandbox, host.signal);
    expect((await host.exitOf(spec)).exitCode).toBe(137);
  });

  it('ends a container whose conmon was killed, since nobody would tell how it ends', async () => {
    host.runtime = await host.started({ conmonWatchMs: 100 });
    const spec = host.container('sleep 60');
    await host.run(spec);
    await host.killConmonOf(spec);
    expect(await host.exitOf(spec)).toMatchObject({ exitCode: 137, message: expect.stringContaining('conmon') });
  });

  it('says 137 of a container whose conmon was killed before it was', async () => {
    const spec = host.container('sleep 60');
    await host.run(spec);
    await host.killConmonOf(spec);
    await host.runtime.signal(spec, 'SIGKILL', host.signal);
    expect((await host.exitOf(spec)).exitCode).toBe(137);
  });

  it('gives up on an OCI runtime that hangs, and ends it', async () => {
    const hanging = join(host.directory, 'hanging-runtime');
    await writeFile(hanging, '#!/bin/sh\n[ "$1" = --version ] && echo "hang version 1.0" && exit\nsleep 300\n');
    await chmod(hanging, 0o755);
    const stuck = await host.started({ binary: hanging, createDeadlineMs: 500 });
    await expect(stuck.createContainer(host.container('true'), host.signal)).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
      message: expect.stringContaining('hanging-runtime create of container main'),
    });
    await host.expectNothingLeft();
  });

  // conmon is being executed, then the OCI runtime, then it makes cgroups, then it waits for the container's first process.
  it.each([1, 10, 20, 25, 30, 35])('leaves nothing of a create that was aborted after %d ms', async (after) => {
    const spec = host.container('true');
    const failure = await host.runtime.createContainer(spec, AbortSignal.timeout(after)).catch((error: unknown) => error);
    // An OCI runtime may be quicker than that.
    if (failure === undefined) await host.runtime.removeContainer(spec, host.signal);
    else expect(PluginError.from(failure)).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    await host.expectNothingLeft();
  });

  it('records each call of the OCI runtime by the name of the container', async () => {
    const spec = host.container('sleep 60');
    await host.run(spec);
    await host.runtime.removeContainer(spec, host.signal);
    expect(
      host.calls.made.map(
        ({ protocol, plugin, method, subject, sandboxId }) => `${protocol} ${plugin} ${method} ${subject} ${sandboxId === host.sandbox.id}`,
      ),
    ).toEqual(['create', 'start', 'kill', 'delete'].map((method) => `oci ${binary} ${method} main true`));
  });
});
