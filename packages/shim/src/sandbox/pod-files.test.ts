import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { NamespaceMode, PodSandboxConfig } from '@berth/sdk/cri';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { resolvConf, writePodFiles } from './pod-files.ts';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'berth-files-'));
});

afterEach(() => rm(directory, { recursive: true }));

describe('writePodFiles', () => {
  it("gives the pod its own address and name, and the request's name servers", async () => {
    const config = PodSandboxConfig.fromPartial({
      hostname: 'web',
      dnsConfig: { servers: ['10.0.0.10'], searches: ['a.b', 'b'], options: ['ndots:5'] },
    });
    const files = await writePodFiles(join(directory, 'files'), config, ['10.1.2.3']);
    const content = async (path: string) => readFile(files[path] as string, 'utf8');
    expect(await content('/etc/hostname')).toBe('web\n');
    expect(await content('/etc/hosts')).toContain('10.1.2.3\tweb\n');
    expect(await content('/etc/resolv.conf')).toBe('nameserver 10.0.0.10\nsearch a.b b\noptions ndots:5\n');
  });

  it.each([
    ['no DNS configuration', undefined],
    ['an empty one', {}],
  ])("gives a pod with %s the host's name servers", async (_what, dnsConfig) => {
    const files = await writePodFiles(join(directory, 'files'), PodSandboxConfig.fromPartial({ hostname: 'web', dnsConfig }), []);
    const host = await readFile('/etc/resolv.conf', 'utf8').catch(() => '');
    expect(await readFile(files['/etc/resolv.conf'] as string, 'utf8')).toBe(host);
  });

  it("gives a pod of the host network the host's names", async () => {
    const linux = { securityContext: { namespaceOptions: { network: NamespaceMode.NODE } } };
    const files = await writePodFiles(join(directory, 'files'), PodSandboxConfig.fromPartial({ linux }), []);
    const content = async (path: string) => readFile(files[path] as string, 'utf8');
    expect(await content('/etc/hosts')).toBe(await readFile('/etc/hosts', 'utf8').catch(() => ''));
    expect(await content('/etc/hostname')).toBe(`${hostname()}\n`);
  });
});

describe('resolvConf', () => {
  it('leaves out what is empty', () => {
    expect(resolvConf({ servers: ['1.1.1.1'], searches: [], options: [] })).toBe('nameserver 1.1.1.1\n');
  });
});
