import { describe, expect, it } from 'vitest';
import { describeOciRuntimes, OciHost } from '../../testing/oci-host.ts';
import type { ContainerMount } from '../runtime.ts';
import { runtimeFailure } from './runtime-failure.ts';

describeOciRuntimes('a container that could be made with another request', (binary) => {
  it.each([
    ['CPUs that the host lacks', { cpusetCpus: '4000-4001' }, /container main: linux\.resources\.cpuset_cpus .*; name CPUs/],
    ['memory nodes that it lacks', { cpusetMems: '63' }, /linux\.resources\.cpuset_mems .*; name memory nodes/],
    ['memory that no process starts in', { memoryLimitInBytes: 1000n }, /linux\.resources\.memory_limit_in_bytes .*; set more/],
  ])('is INVALID_ARGUMENT, by the field, for %s', async (_what, resources, message) => {
    const host = await OciHost.open(binary);
    const refusal = expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringMatching(message) });
    await expect(host.runtime.createContainer(host.container('true', { linux: { resources } }), host.signal)).rejects.toThrow(refusal);
    await host.close();
  });

  it.each(['/proc', '/proc/sys'])('is INVALID_ARGUMENT for a mount at %s', async (destination) => {
    const host = await OciHost.open(binary);
    const spec = host.container('true');
    const mount: ContainerMount = { source: host.directory, destination, readonly: false, propagation: 'private' };
    spec.mounts = [mount];
    const refusal = expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringMatching(/mounts: .*; choose another/) });
    await expect(host.runtime.createContainer(spec, host.signal)).rejects.toThrow(refusal);
    await host.close();
  });
});

describe('runtimeFailure', () => {
  it('is INTERNAL, with what was said, where no request is to blame', () => {
    expect(runtimeFailure('no pid', 'container c')).toMatchObject({ code: 'INTERNAL', message: 'container c: no pid' });
  });
});
