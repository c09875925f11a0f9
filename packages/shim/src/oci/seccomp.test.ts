import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LinuxContainerSecurityContext, SecurityProfile_ProfileType } from '@berth/sdk/cri';
import { describe, expect, it } from 'vitest';
import { runtimeDefault, seccompChoice, seccompFilter } from './seccomp.ts';

describe('the choice of a filter', () => {
  const choice = (context: Parameters<typeof LinuxContainerSecurityContext.fromPartial>[0]) =>
    seccompChoice(LinuxContainerSecurityContext.fromPartial(context), 'container web');

  it('is RuntimeDefault for a request that makes none', () => {
    expect(seccompChoice(undefined, 'container web')).toEqual({ kind: 'runtimeDefault' });
    expect(choice({})).toEqual({ kind: 'runtimeDefault' });
  });

  it('is none for a privileged container', () => {
    expect(choice({ privileged: true, seccomp: { profileType: SecurityProfile_ProfileType.RuntimeDefault } })).toEqual({
      kind: 'unconfined',
    });
  });

  it('is a file, also where its reference is in the older form', () => {
    const profileType = SecurityProfile_ProfileType.Localhost;
    for (const localhostRef of ['/etc/profile.json', 'localhost//etc/profile.json']) {
      expect(choice({ seccomp: { profileType, localhostRef } })).toEqual({ kind: 'localhost', path: '/etc/profile.json' });
    }
  });

  it.each([
    ['unconfined', { kind: 'unconfined' }],
    ['docker/default', { kind: 'runtimeDefault' }],
    ['localhost//etc/profile.json', { kind: 'localhost', path: '/etc/profile.json' }],
  ])('reads the deprecated path %s', (seccompProfilePath, expected) => {
    expect(choice({ seccompProfilePath })).toEqual(expected);
  });
});

describe('the RuntimeDefault filter', () => {
  const allowed = (name: string, capabilities: string[]): boolean =>
    runtimeDefault(capabilities, ['SCMP_ARCH_X86_64']).syscalls.some(
      ({ names, action, args }) => names.includes(name) && action === 'SCMP_ACT_ALLOW' && !args,
    );

  it.each([
    ['mount', 'CAP_SYS_ADMIN'],
    ['setns', 'CAP_SYS_ADMIN'],
    ['bpf', 'CAP_BPF'],
    ['reboot', 'CAP_SYS_BOOT'],
    ['chroot', 'CAP_SYS_CHROOT'],
  ])('allows %s only with %s', (name, capability) => {
    expect([allowed(name, []), allowed(name, [capability])]).toEqual([false, true]);
  });

  it.each(['kexec_load', 'keyctl', 'add_key', 'userfaultfd', 'io_uring_setup', 'swapon'])('never allows %s', (name) => {
    expect(allowed(name, ['CAP_SYS_ADMIN'])).toBe(false);
  });

  it('lets threads and processes be made without CAP_SYS_ADMIN, but no namespaces', () => {
    const rules = runtimeDefault([], ['SCMP_ARCH_X86_64']).syscalls;
    expect(rules.find(({ names }) => names.includes('clone'))?.args).toEqual([
      { index: 0, value: 0x7e020000, valueTwo: 0, op: 'SCMP_CMP_MASKED_EQ' },
    ]);
    expect(rules.find(({ names }) => names.includes('clone3'))).toMatchObject({ action: 'SCMP_ACT_ERRNO', errnoRet: 38 });
  });
});

describe('a Localhost profile', () => {
  it('is read from its file, and named when it is none', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'berth-seccomp-'));
    const path = join(directory, 'profile.json');
    const filter = () => seccompFilter({ kind: 'localhost', path }, [], ['SCMP_ARCH_X86_64'], 'container web');
    try {
      await expect(filter()).rejects.toThrow(/container web: seccomp profile .*profile\.json can't be used.*ENOENT/);
      await expect(seccompFilter({ kind: 'localhost', path: 'profile.json' }, [], ['SCMP_ARCH_X86_64'], 'container web')).rejects.toThrow(
        /its path is not absolute/,
      );
      await writeFile(path, '{}');
      await expect(filter()).rejects.toThrow(/it has no defaultAction/);
      await writeFile(path, JSON.stringify({ defaultAction: 'SCMP_ACT_ALLOW', syscalls: [] }));
      expect(await filter()).toEqual({ defaultAction: 'SCMP_ACT_ALLOW', syscalls: [] });
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});
