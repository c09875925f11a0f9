import { type CommandLineDefinition, informationFlags, invalidFlag, parseFlags } from '@berth/sdk/command-line';
import { checked, type GivenSettings, readGivenSettings, type Settings, settingSchemas, settingsOf } from './configuration.ts';
import { flagNameOf, settingFlags } from './setting-flags.ts';

const ownFlags = {
  config: { kind: 'text', help: 'file of settings, YAML; flags go before it' },
  fixture: { kind: 'text', help: 'a directory in place of the host: DIRECTORY/dev, DIRECTORY/proc, DIRECTORY/sys' },
  print: { kind: 'boolean', help: 'print what was found as JSON, and end' },
  ...informationFlags,
} as const;

export const commandLine: CommandLineDefinition<typeof ownFlags & typeof settingFlags> = {
  heading: 'Usage: device-gpu [FLAG]...\nOffers the NVIDIA GPUs of this host to a kubelet.',
  flags: { ...ownFlags, ...settingFlags },
  allowNegative: true,
};

/** A command line that has been read. */
export interface CommandLine {
  settings: Settings;
  fixture: string | undefined;
  print: boolean;
}

/** Reads the command line, and the file that it names. Throws INVALID_ARGUMENT that names the flag, or file, line and field. */
export function readCommandLine(argv: readonly string[]): CommandLine {
  const { config, fixture, print = false, ...others } = parseFlags(argv, commandLine);
  const given = Object.keys(settingSchemas).map((setting) => [setting, others[flagNameOf(setting)]] as const);
  const flags = checked(
    Object.fromEntries(given.filter(([, value]) => value !== undefined)),
    (field) => `flag --${flagNameOf(field.split(/[.[]/)[0] ?? '')}`,
  );
  const file: GivenSettings = config === undefined ? {} : readGivenSettings(config);
  const settings = settingsOf(file, flags);
  if (fixture !== undefined && settings.discovery === 'nvml')
    throw invalidFlag('fixture', 'has no NVML: it is files in the place of a host');
  return { settings, fixture, print };
}
