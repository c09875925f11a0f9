import { execFile } from 'node:child_process';
import { existsSync, globSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { canMakeTestHosts, onTestHost } from './test-host.mjs';

const missing = (await canMakeTestHosts()) ? undefined : 'this takes root on Linux, and cgroups that can be written to';

/** What a shell prints on such a host. */
async function printed(network: 'own' | 'shared', script: string): Promise<string> {
  const [file, ...args] = onTestHost('unit', network, ['sh', '-c', script]);
  return (await promisify(execFile)(file as string, args)).stdout.trim();
}

describe.skipIf(missing !== undefined)(`a test host${missing === undefined ? '' : ` (${missing})`}`, () => {
  it('has processes, mounts and cgroups of its own', async () => {
    const own = ['pid', 'mnt', 'cgroup'].map((kind) => readlinkSync(`/proc/self/ns/${kind}`));
    const other = (await printed('shared', 'readlink /proc/self/ns/pid /proc/self/ns/mnt /proc/self/ns/cgroup')).split('\n');
    for (const [index, namespace] of own.entries()) expect(other[index]).not.toBe(namespace);
    const file = `berth-test-host-${process.pid}`;
    expect(await printed('shared', `for each in /run /var/lib; do touch $each/${file}; ls $each/${file}; done`)).toBe(
      `/run/${file}\n/var/lib/${file}`,
    );
    for (const directory of ['/run', '/var/lib']) expect(existsSync(join(directory, file))).toBe(false);
  });

  it("has a network with an address and a route where it is to have its own, and else the host's", async () => {
    const namespace = readlinkSync('/proc/self/ns/net');
    expect(await printed('shared', 'readlink /proc/self/ns/net')).toBe(namespace);
    const routes = await printed('own', 'ip route');
    expect(routes).toContain('192.0.2.0/24 dev uplink');
    expect(await printed('own', 'readlink /proc/self/ns/net')).not.toBe(namespace);
  });

  it('takes along the cgroups that are made on it, and kills what is left running', async () => {
    const sleep = `sleep ${100_000 + process.pid}`;
    const makeCgroups = 'for each in /sys/fs/cgroup/*/cgroup.procs; do mkdir "$(dirname "$each")/left"; done';
    const left = await printed('shared', `${makeCgroups}; setsid ${sleep} & echo $!`);
    expect(left).toMatch(/^\d+$/);
    expect(globSync(`/sys/fs/cgroup/**/berth-test-unit-${process.pid}`)).toEqual([]);
    await expect(promisify(execFile)('pgrep', ['-f', `^${sleep}$`])).rejects.toThrow();
  });

  it('ends with the exit status of what it runs', async () => {
    await expect(printed('shared', 'exit 7')).rejects.toMatchObject({ code: 7 });
  });
});
