import { existsSync, readlinkSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { NamespaceMode } from '@berth/sdk/cri';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { describeOciRuntimes, OciHost } from '../../testing/oci-host.ts';
import { runProgram } from '../run-program.ts';

describeOciRuntimes('what a container may ask OciRuntime for besides', (binary) => {
  let host: OciHost;

  beforeEach(async () => {
    host = await OciHost.open(binary);
  });

  afterEach(() => host.close());

  it('the PID namespace of another container, while that runs', async () => {
    const target = host.container('sleep 600');
    await host.run(target);
    const namespaceOptions = { pid: NamespaceMode.TARGET, targetId: target.id };
    const spec = host.container('readlink /proc/self/ns/pid', { linux: { securityContext: { namespaceOptions } } });
    spec.pidTarget = target.id;
    await host.run(spec);
    await host.exitOf(spec);
    const { pid } = await host.runtime.inspect(target);
    expect(await host.printed(spec)).toEqual([readlinkSync(`/proc/${pid}/ns/pid`)]);
    await host.runtime.signal(target, 'SIGKILL', host.signal);
    await host.exitOf(target);
    const late = host.container('true', { linux: { securityContext: { namespaceOptions } } });
    late.pidTarget = target.id;
    await expect(host.runtime.createContainer(late, host.signal)).rejects.toThrow(/target container.*has ended/);
  });

  it('mounts that are read-only with all that is mounted below them', async (context) => {
    const { supported = [] } = await host.runtime.prepare(host.signal);
    if (!supported.includes('mounts[].recursive_read_only')) context.skip(`${binary} tells of no option rro`);
    const volume = join(host.directory, 'volume');
    await mkdir(join(volume, 'below'), { recursive: true });
    await runProgram('mount', ['-t', 'tmpfs', 'below', join(volume, 'below')], { signal: host.signal });
    try {
      const spec = host.container('! touch /v/file && ! touch /v/below/file && touch /ro/below/file');
      const mount = { source: volume, readonly: true, propagation: 'private' } as const;
      spec.mounts = [
        { ...mount, destination: '/v', recursiveReadonly: true },
        { ...mount, destination: '/ro' },
      ];
      await host.run(spec);
      expect((await host.exitOf(spec)).exitCode).toBe(0);
    } finally {
      await runProgram('umount', [join(volume, 'below')], { signal: host.signal });
    }
  });

  it('CDI devices of the node', async () => {
    const edits = { deviceNodes: [{ path: '/dev/vendor0', hostPath: '/dev/zero' }], env: ['VENDOR=zero'] };
    const specification = { cdiVersion: '0.6.0', kind: 'vendor.com/dev', devices: [{ name: '0', containerEdits: edits }] };
    await mkdir(join(host.directory, 'cdi'));
    await writeFile(join(host.directory, 'cdi', 'vendor.json'), JSON.stringify(specification));
    const spec = host.container('echo $VENDOR; head -c 3 /dev/vendor0 | tail -c 2 > /dev/null', {
      CDIDevices: [{ name: 'vendor.com/dev=0' }],
    });
    await host.run(spec);
    expect((await host.exitOf(spec)).exitCode).toBe(0);
    expect(await host.printed(spec)).toEqual(['zero']);
    const missing = host.container('true', { CDIDevices: [{ name: 'vendor.com/dev=1' }] });
    await expect(host.runtime.createContainer(missing, host.signal)).rejects.toThrow(/CDI device vendor\.com\/dev=1/);
  });

  it('block I/O limits, as cgroup v2 words them', async (context) => {
    const unified = existsSync('/sys/fs/cgroup/cgroup.controllers');
    const [disk] = await diskNumbers();
    if (!(unified || existsSync('/sys/fs/cgroup/blkio/blkio.throttle.read_bps_device')) || disk === undefined) {
      context.skip('this host has no blkio controller, or no disk to limit');
    }
    const spec = host.container('sleep 600', { linux: { resources: { unified: { 'io.max': `${disk} rbps=1048576` } } } });
    await host.run(spec);
    const file = unified ? `${spec.id}/io.max` : `blkio/${spec.id}/blkio.throttle.read_bps_device`;
    const limit = unified ? 'rbps=1048576 wbps=max riops=max wiops=max' : '1048576';
    expect(await readFile(join('/sys/fs/cgroup', file), 'utf8')).toBe(`${disk} ${limit}\n`);
  });
});

/** `MAJOR:MINOR` of the whole disks. */
async function diskNumbers(): Promise<string[]> {
  const disks = (await readdir('/sys/block')).filter((name) => /^(vd|sd|nvme)/.test(name));
  return Promise.all(disks.map(async (disk) => (await readFile(`/sys/block/${disk}/dev`, 'utf8')).trim()));
}
