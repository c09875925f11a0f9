import { readdirSync, readFileSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type ContainerConfig, NamespaceMode, SecurityProfile_ProfileType } from '@berth/sdk/cri';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { describeOciRuntimes, OciHost } from '../../testing/oci-host.ts';
import { runProgram } from '../run-program.ts';

describeOciRuntimes('what a request asks of OciRuntime', (binary) => {
  let host: OciHost;

  beforeEach(async () => {
    host = await OciHost.open(binary);
  });

  afterEach(() => host.close());

  it("says OOMKilled of a container that the kernel's OOM killer ended", async () => {
    const spec = host.container('head -c 200m /dev/zero | tail -n 1 > /dev/null; exit $?', {
      linux: { resources: { memoryLimitInBytes: 16n << 20n, memorySwapLimitInBytes: 16n << 20n } },
    });
    await host.run(spec);
    expect(await host.exitOf(spec)).toMatchObject({ exitCode: 137, reason: 'OOMKilled' });
  });

  it('gives a terminal to a container that asks for one', async () => {
    const spec = host.container('[ -t 0 ] && [ -t 1 ] && echo terminal', { tty: true, stdin: true });
    await host.run(spec);
    expect((await host.exitOf(spec)).exitCode).toBe(0);
    expect((await host.logLines(spec))[0]).toMatch(/ stdout [FP] terminal/);
  });

  it('mounts volumes, read-only where asked, and keeps no log for a container without a log path', async () => {
    await mkdir(join(host.directory, 'volume'));
    const volume = { source: join(host.directory, 'volume'), destination: '/volume', readonly: false, propagation: 'private' } as const;
    const spec = host.container('echo kept > /volume/file; ! touch /readonly/file && touch /file');
    spec.mounts = [volume, { ...volume, destination: '/readonly', readonly: true }];
    spec.logPath = undefined;
    await host.run(spec);
    expect((await host.exitOf(spec)).exitCode).toBe(0);
    expect(await readFile(join(host.directory, 'volume', 'file'), 'utf8')).toBe('kept\n');
  });

  it('refuses a log path that conmon would cut off', async () => {
    const spec = host.container('true');
    spec.logPath = join(host.directory, 'a:b.log');
    await expect(host.runtime.createContainer(spec, host.signal)).rejects.toThrow(/container main.*a:b\.log/);
    expect(readdirSync(host.directory)).not.toContain('a');
  });

  it('runs privileged and unprivileged containers with the rights that they asked for', async () => {
    const context = { namespaceOptions: { pid: NamespaceMode.CONTAINER } };
    const effective = async (securityContext: object): Promise<bigint> => {
      const spec = host.container('while read key value; do [ $key = CapEff: ] && echo $value; done < /proc/self/status; exit 0', {
        linux: { securityContext: { ...context, ...securityContext } },
      });
      await host.run(spec);
      await host.exitOf(spec);
      return BigInt(`0x${(await host.printed(spec))[0]}`);
    };
    expect(await effective({})).toBe(0xa80425fbn);
    expect(await effective({ capabilities: { dropCapabilities: ['ALL'], addCapabilities: ['NET_ADMIN'] } })).toBe(1n << 12n);
    expect(await effective({ privileged: true })).toBe(boundingSet());
  });

  it('gives a privileged container the devices that it asks for at other places besides those of the host', async () => {
    const spec = host.container('[ -c /dev/null ] && [ -c /dev/zero ] && echo written > /dev/elsewhere/null', {
      devices: [{ hostPath: '/dev/null', containerPath: '/dev/elsewhere/null', permissions: 'rw' }],
      linux: { securityContext: { privileged: true } },
    });
    await host.run(spec);
    expect((await host.exitOf(spec)).exitCode).toBe(0);
  });

  it('refuses a propagation that could not show, and makes nothing', async () => {
    const mounts = join(host.directory, 'private');
    await mkdir(mounts);
    await runProgram('mount', ['-t', 'tmpfs', 'private', mounts], host);
    await runProgram('mount', ['--make-private', mounts], host);
    try {
      const spec = host.container('true');
      spec.mounts = [{ source: mounts, destination: '/volume', readonly: false, propagation: 'rshared' }];
      await expect(host.runtime.createContainer(spec, host.signal)).rejects.toThrow(/container main .*private is not shared/);
    } finally {
      await runProgram('umount', [mounts], host);
    }
  });

  it('filters system calls unless told otherwise', async () => {
    const mode = async (config: Parameters<typeof ContainerConfig.fromPartial>[0]): Promise<string | undefined> => {
      const spec = host.container('while read key value; do [ $key = Seccomp: ] && echo $value; done < /proc/self/status; exit 0', config);
      await host.run(spec);
      await host.exitOf(spec);
      return (await host.printed(spec))[0];
    };
    expect(await mode({})).toBe('2');
    expect(await mode({ linux: { securityContext: { seccomp: { profileType: SecurityProfile_ProfileType.Unconfined } } } })).toBe('0');
  });
});

function boundingSet(): bigint {
  return BigInt(`0x${/CapBnd:\s*(\w+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]}`);
}
