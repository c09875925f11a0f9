import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type LinuxContainerSecurityContext, SecurityProfile_ProfileType } from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import { runProgram } from '../run-program.ts';
import { defaultProfile, defaultProfileName } from './apparmor-profile.ts';
import { locate } from './programs.ts';

/** What a container asks for. One that asks for nothing gets the default profile where there is AppArmor, and it can be loaded. */
type AppArmorChoice = { kind: 'unconfined' } | { kind: 'runtimeDefault'; asked: boolean } | { kind: 'localhost'; name: string };

/** The choice that a security context makes, in either form of the field. */
export function appArmorChoice(context: LinuxContainerSecurityContext | undefined, object: string): AppArmorChoice {
  if (context?.privileged && !isLocalhost(context)) return { kind: 'unconfined' };
  const { apparmor, apparmorProfile = '' } = context ?? {};
  if (!apparmor) return deprecatedChoice(apparmorProfile, object);
  switch (apparmor.profileType) {
    case SecurityProfile_ProfileType.RuntimeDefault:
      return { kind: 'runtimeDefault', asked: true };
    case SecurityProfile_ProfileType.Unconfined:
      return { kind: 'unconfined' };
    case SecurityProfile_ProfileType.Localhost:
      return { kind: 'localhost', name: profileName(apparmor.localhostRef, object) };
    default:
      throw new PluginError('INVALID_ARGUMENT', `apparmor.profile_type ${apparmor.profileType} is not known`, { object });
  }
}

/** The profiles of this host. */
export class AppArmor {
  readonly #enabled: boolean;
  readonly #directory: string;
  readonly #kernel: string;

  /** `directory`: for the file of the default profile. `kernel`: where the kernel lists the loaded ones. */
  constructor(enabled: boolean, directory: string, kernel = '/sys/kernel/security/apparmor') {
    this.#enabled = enabled;
    this.#directory = directory;
    this.#kernel = kernel;
  }

  /** The loaded profile for a choice; undefined for none. INVALID_ARGUMENT, by the field, for one that this host can't give. */
  async profile(choice: AppArmorChoice, object: string, signal: AbortSignal): Promise<string | undefined> {
    if (choice.kind === 'unconfined') return undefined;
    if (!this.#enabled) {
      // Where the kernel has no AppArmor there is nothing that a default profile could add.
      if (choice.kind === 'runtimeDefault') return undefined;
      throw refusal(`profile ${choice.name} can't be used: the kernel of this host has no AppArmor`, object);
    }
    if (choice.kind === 'runtimeDefault') return this.#default(choice.asked, object, signal);
    if (await this.#isLoaded(choice.name)) return choice.name;
    throw refusal(`profile ${choice.name} is not loaded`, object);
  }

  async #default(asked: boolean, object: string, signal: AbortSignal): Promise<string | undefined> {
    try {
      if (!(await this.#isLoaded(defaultProfileName))) await this.#load(signal);
      return defaultProfileName;
    } catch (error) {
      signal.throwIfAborted();
      if (!asked) return undefined;
      throw refusal(`the default profile can't be loaded: ${PluginError.from(error).message}`, object);
    }
  }

  async #isLoaded(name: string): Promise<boolean> {
    const loaded = await readFile(join(this.#kernel, 'profiles'), 'utf8').catch(() => '');
    return loaded.split('\n').some((line) => line.replace(/ \(\w+\)$/, '') === name);
  }

  async #load(signal: AbortSignal): Promise<void> {
    const parser = await locate('apparmor_parser', 'loads AppArmor profiles');
    const file = join(this.#directory, defaultProfileName);
    await writeFile(file, defaultProfile, { mode: 0o600 });
    await runProgram(parser, ['--skip-cache', '--replace', file], { signal });
  }
}

/** CRI's `apparmor_profile`, which older clients still send. */
function deprecatedChoice(value: string, object: string): AppArmorChoice {
  if (value === '') return { kind: 'runtimeDefault', asked: false };
  if (value === 'runtime/default') return { kind: 'runtimeDefault', asked: true };
  if (value === 'unconfined') return { kind: 'unconfined' };
  if (value.startsWith('localhost/')) return { kind: 'localhost', name: profileName(value.slice('localhost/'.length), object) };
  throw refusal(`apparmor_profile ${JSON.stringify(value)} is not known`, object);
}

function isLocalhost({ apparmor, apparmorProfile }: LinuxContainerSecurityContext): boolean {
  return apparmor?.profileType === SecurityProfile_ProfileType.Localhost || apparmorProfile.startsWith('localhost/');
}

/** Newer clients write the older form into the newer field too. */
function profileName(reference: string, object: string): string {
  const name = reference.replace(/^localhost\//, '');
  if (name !== '' && !/[\0\n]/.test(name)) return name;
  throw refusal('localhost_ref names no profile', object);
}

function refusal(what: string, object: string): PluginError {
  return new PluginError('INVALID_ARGUMENT', `linux.security_context.apparmor: ${what}`, {
    object,
    hint: 'load it with apparmor_parser, or use Unconfined',
  });
}
