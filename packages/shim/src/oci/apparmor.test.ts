import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LinuxContainerSecurityContext, SecurityProfile_ProfileType } from '@berth/sdk/cri';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AppArmor, appArmorChoice } from './apparmor.ts';

const { RuntimeDefault, Unconfined, Localhost } = SecurityProfile_ProfileType;
const signal = AbortSignal.timeout(10_000);
const choice = (context: Parameters<typeof LinuxContainerSecurityContext.fromPartial>[0]) =>
  appArmorChoice(LinuxContainerSecurityContext.fromPartial(context), 'container c');

describe('the AppArmor profile that a container asks for', () => {
  it.each([
    [{}, { kind: 'runtimeDefault', asked: false }],
    [{ apparmor: { profileType: RuntimeDefault } }, { kind: 'runtimeDefault', asked: true }],
    [{ apparmor: { profileType: Unconfined } }, { kind: 'unconfined' }],
    [{ apparmor: { profileType: Localhost, localhostRef: 'web' } }, { kind: 'localhost', name: 'web' }],
    [{ apparmorProfile: 'runtime/default' }, { kind: 'runtimeDefault', asked: true }],
    [{ apparmorProfile: 'unconfined' }, { kind: 'unconfined' }],
    [{ apparmorProfile: 'localhost/web' }, { kind: 'localhost', name: 'web' }],
    [{ privileged: true }, { kind: 'unconfined' }],
    [
      { privileged: true, apparmorProfile: 'localhost/web' },
      { kind: 'localhost', name: 'web' },
    ],
  ])('%j is %j', (context, expected) => expect(choice(context)).toEqual(expected));

  it.each([[{ apparmorProfile: 'web' }], [{ apparmor: { profileType: Localhost } }], [{ apparmor: { profileType: 7 as never } }]])(
    '%j is refused',
    (context) => {
      expect(() => choice(context)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
    },
  );
});

describe('AppArmor', () => {
  let directory: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'berth-apparmor-'));
    await writeFile(join(directory, 'profiles'), 'web (enforce)\nberth-default (enforce)\n');
  });

  afterEach(() => rm(directory, { recursive: true }));

  const profile = (enabled: boolean, context: Parameters<typeof choice>[0]) =>
    new AppArmor(enabled, directory, directory).profile(choice(context), 'container c', signal);

  it('gives the profiles that the kernel has', async () => {
    expect(await profile(true, {})).toBe('berth-default');
    expect(await profile(true, { apparmorProfile: 'localhost/web' })).toBe('web');
    expect(await profile(true, { apparmorProfile: 'unconfined' })).toBeUndefined();
  });

  it('refuses a profile that is not loaded', async () => {
    await expect(profile(true, { apparmorProfile: 'localhost/other' })).rejects.toThrow(
      /container c: linux\.security_context\.apparmor: profile other is not loaded/,
    );
  });

  it('on a host without it refuses a profile by name, and lets the default be', async () => {
    expect(await profile(false, { apparmor: { profileType: RuntimeDefault } })).toBeUndefined();
    await expect(profile(false, { apparmorProfile: 'localhost/web' })).rejects.toThrow(/has no AppArmor/);
  });
});
