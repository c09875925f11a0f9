import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { describeOciRuntimes, OciHost, onPath } from '../../testing/oci-host.ts';
import { runProgram } from '../run-program.ts';

const signal = AbortSignal.timeout(60_000);
const criu = onPath('criu');
const works =
  criu !== undefined &&
  (await runProgram(criu, ['check'], { signal }).then(
    () => true,
    () => false,
  ));

describeOciRuntimes('a checkpoint by OciRuntime', (binary) => {
  let host: OciHost;

  beforeEach(async () => {
    host = await OciHost.open(binary);
  });

  afterEach(() => host.close());

  it.skipIf(works)('is refused, with the reason, where CRIU is not there or does not work, and leaves nothing', async () => {
    const spec = host.container('sleep 600');
    await host.run(spec);
    const location = join(host.directory, 'checkpoint.tar');
    await expect(host.runtime.checkpoint(spec, location, host.signal)).rejects.toThrow(
      expect.objectContaining({ code: 'FAILED_PRECONDITION', message: expect.stringContaining('criu') }),
    );
    expect(existsSync(location) || existsSync(`${location}.partial`) || existsSync(join(spec.directory, 'checkpoint'))).toBe(false);
  });

  it.skipIf(!works)('is an archive of the container, which goes on running (where "criu check" passes)', async () => {
    const spec = host.container('sleep 600');
    await host.run(spec);
    const location = join(host.directory, 'checkpoint.tar');
    await host.runtime.checkpoint(spec, location, host.signal);
    const listed = await runProgram('tar', ['-tf', location], { signal });
    expect(listed.split('\n')).toEqual(expect.arrayContaining(['./spec.dump', './config.dump', './checkpoint/']));
    expect((await host.runtime.usage(spec))?.processes).toBe(1n);
  });
});
