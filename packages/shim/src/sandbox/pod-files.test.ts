import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PodSandboxConfig } from '@berth/sdk/cri';
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
});

describe('resolvConf', () => {
  it('leaves out what is empty', () => {
    expect(resolvConf({ servers: ['1.1.1.1'], searches: [], options: [] })).toBe('nameserver 1.1.1.1\n');
  });
});
