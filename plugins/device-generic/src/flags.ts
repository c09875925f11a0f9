import { parseArgs } from 'node:util';
import { PluginError } from '@berth/sdk/errors';

const flags = {
  config: { type: 'string', help: 'file of settings, YAML; needed' },
  fixture: { type: 'string', help: 'a directory in place of the host: DIRECTORY/dev, DIRECTORY/sys' },
  'plugin-directory': { type: 'string', help: "the kubelet's directory of device plugins, in place of the settings' one" },
  print: { type: 'boolean', help: 'print what was found as JSON, and end' },
  help: { type: 'boolean', help: 'print this' },
  version: { type: 'boolean', help: 'print the version' },
} as const;

/** A command line that has been read. */
export interface CommandLine {
  config?: string;
  fixture?: string;
  'plugin-directory'?: string;
  print?: boolean;
  help?: boolean;
  version?: boolean;
}

/** Reads the command line; where it asks for help or the version, nothing else of it is checked. Throws INVALID_ARGUMENT that names the flag. */
export function readCommandLine(argv: readonly string[]): CommandLine {
  const line = parsed(argv);
  if (line.help || line.version) return line;
  if (line.config === undefined) throw invalid('flag --config', 'is needed: which files are devices of which resource');
  if (line['plugin-directory']?.startsWith('/') === false) throw invalid('flag --plugin-directory', 'must be an absolute path');
  return line;
}

/** What `--help` prints. */
export function usage(): string {
  const lines = Object.entries(flags).map(([name, { type, help }]) => `  --${name}${type === 'boolean' ? '' : ' TEXT'}\n      ${help}\n`);
  return `Usage: device-generic --config FILE [FLAG]...\nOffers device files of this host to a kubelet.\n\n${lines.join('')}`;
}

function parsed(argv: readonly string[]): CommandLine {
  try {
    return parseArgs({ args: [...argv], options: flags, strict: true, allowPositionals: false }).values;
  } catch (thrown) {
    // Node's own words name the flag.
    const [what = ''] = (thrown as Error).message.split('. ');
    throw invalid('command line', what, '--help lists the flags');
  }
}

function invalid(object: string, what: string, hint?: string): PluginError {
  return new PluginError('INVALID_ARGUMENT', what, { object, hint });
}
