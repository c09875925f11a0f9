import { type CommandLineDefinition, informationFlags, invalidFlag, parseFlags } from '@berth/sdk/command-line';

const flags = {
  config: { kind: 'text', help: 'file of settings, YAML; needed' },
  fixture: { kind: 'text', help: 'a directory in place of the host: DIRECTORY/dev, DIRECTORY/sys' },
  'plugin-directory': { kind: 'text', help: "the kubelet's directory of device plugins, in place of the settings' one" },
  print: { kind: 'boolean', help: 'print what was found as JSON, and end' },
  ...informationFlags,
} as const;

export const commandLine: CommandLineDefinition<typeof flags> = {
  heading: 'Usage: device-generic --config FILE [FLAG]...\nOffers device files of this host to a kubelet.',
  flags,
};

/** A command line that has been read. */
interface CommandLine {
  config: string;
  fixture: string | undefined;
  pluginDirectory: string | undefined;
  print: boolean;
}

/** Reads the command line. Throws INVALID_ARGUMENT that names the flag. */
export function readCommandLine(argv: readonly string[]): CommandLine {
  const { config, fixture, 'plugin-directory': pluginDirectory, print = false } = parseFlags(argv, commandLine);
  if (config === undefined) throw invalidFlag('config', 'is needed: which files are devices of which resource');
  if (pluginDirectory?.startsWith('/') === false) throw invalidFlag('plugin-directory', 'must be an absolute path');
  return { config, fixture, pluginDirectory, print };
}
