import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { describeOciRuntimes, OciHost } from '../../testing/oci-host.ts';

describeOciRuntimes('recovery of OciRuntime', (binary) => {
  let host: OciHost;

  beforeEach(async () => {
    host = await OciHost.open(binary);
  });

  afterEach(() => host.close());

  it('finds running, exited and created containers again after a restart, with their logs whole', async () => {
    const running = host.container('echo one; while ! [ -e /go ]; do sleep 0.05; done; echo two; exit 5');
    const ended = host.container('exit 4');
    const created = host.container('echo later');
    await host.run(running);
    await host.run(ended);
    await host.exitOf(ended);
    await host.runtime.createContainer(created, host.signal);
    await host.restart();
    const found = await host.runtime.recover({ sandboxes: [host.sandbox], containers: [running, ended, created] }, host.signal);
    expect(found.sandboxes).toEqual([host.sandbox.id]);
    expect(found.containers).toMatchObject({
      [running.id]: { state: 'running' },
      [ended.id]: { state: 'exited', exit: { exitCode: 4 } },
      [created.id]: { state: 'created' },
    });
    await writeFile(join(host.root, 'go'), '');
    expect((await host.exitOf(running)).exitCode).toBe(5);
    expect(await host.logLines(running)).toEqual([expect.stringMatching(/ one$/), expect.stringMatching(/ two$/)]);
    await host.runtime.start(created, host.signal);
    expect((await host.exitOf(created)).exitCode).toBe(0);
  });

  it('removes unknown containers of its own at recovery', async () => {
    const spec = host.container('sleep 60');
    await host.run(spec);
    await host.restart();
    const found = await host.runtime.recover({ sandboxes: [host.sandbox], containers: [] }, host.signal);
    expect(found.containers).toEqual({});
    await host.expectNothingLeft();
  });

  it('removes a container whose config.json its shim was killed over', async () => {
    const spec = host.container('true');
    await mkdir(spec.directory, { recursive: true });
    await writeFile(join(spec.directory, 'config.json'), '{"ociVersion":');
    await host.runtime.removeContainer(spec, host.signal);
    await host.expectNothingLeft();
  });

  it('ends what a dead conmon has left unwatched at recovery, since nobody would tell how it ends', async () => {
    const spec = host.container('sleep 60');
    await host.run(spec);
    await host.killConmonOf(spec);
    await host.restart();
    const found = await host.runtime.recover({ sandboxes: [host.sandbox], containers: [spec] }, host.signal);
    expect(found.containers[spec.id]).toMatchObject({
      state: 'exited',
      exit: { exitCode: 137, message: expect.stringContaining('conmon') },
    });
    await host.expectNothingLeft();
  });
});
