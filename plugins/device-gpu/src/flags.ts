import { parseArgs } from 'node:util';
import { PluginError } from '@berth/sdk/errors';
import { checked, type GivenSettings, readGivenSettings, type Settings, settingsOf } from './configuration.ts';

type Kind = 'boolean' | 'text' | 'number' | 'texts' | 'numbers';

/** Each setting is a flag, too: `--device-list-strategy` is `deviceListStrategy`. One that holds a table is in the file only. */
const settingFlags = {
  resourceName: ['text', 'resource of whole GPUs; that of MIG devices has the same domain', 'nvidia.com/gpu'],
  discovery: ['text', 'how GPUs are found: auto, nvml, files', 'auto'],
  deviceListStrategy: ['texts', 'how devices are told to the runtime: envvar, volume-mounts, cdi-annotations, cdi-cri', 'envvar'],
  deviceIdStrategy: ['text', 'what devices are called there: uuid, index', 'uuid'],
  migStrategy: ['text', 'how MIG devices are offered: none, single, mixed', 'none'],
  migProfile: ['text', 'profile of MIG devices where NVML is not there to tell it'],
  replicas: ['number', 'how many share each device, by time-slicing', '1'],
  renameShared: ['boolean', 'call shared resources NAME.shared'],
  failRequestsGreaterThanOne: ['boolean', 'refuse more than one of a shared resource'],
  sharingPolicy: ['text', 'parts of GPUs come from many GPUs or from few: distributed, packed', 'distributed'],
  driverFiles: ['boolean', "mount the driver's libraries and nvidia-smi; --no-driver-files for none", 'true'],
  libraryDirectory: ['text', 'where containers get those libraries', "the host's directory of each"],
  cdiRoot: ['text', 'where the CDI specification is written', '/var/run/cdi'],
  ignoredXids: ['numbers', 'errors after which a GPU is in order', '13,31,43,45,68,109'],
  recoverAfterSeconds: ['number', 'how long no other error may come until a GPU is healthy again', '300'],
  intervalSeconds: ['number', 'how often GPUs are looked for', '5'],
  pluginDirectory: ['text', "the kubelet's directory of device plugins", '/var/lib/kubelet/device-plugins'],
  allowedUids: ['numbers', 'users whose kubelet is served', 'root and the own one'],
} as const satisfies Partial<Record<keyof Settings, readonly [kind: Kind, help: string, standard?: string]>>;

const ownFlags = {
  config: ['text', 'file of settings, YAML; flags go before it'],
  fixture: ['text', 'a directory in place of the host: DIRECTORY/dev, DIRECTORY/proc, DIRECTORY/sys'],
  print: ['boolean', 'print what was found as JSON, and end'],
  help: ['boolean', 'print this'],
  version: ['boolean', 'print the version'],
} as const satisfies Record<string, readonly [kind: Kind, help: string]>;

/** A command line that has been read. */
export interface CommandLine {
  settings: Settings;
  fixture: string | undefined;
  print: boolean;
}

/** What a command line asks for instead of the plugin's work; nothing else of it is looked at then. Throws INVALID_ARGUMENT for flags that there aren't. */
export function informationAskedFor(argv: readonly string[]): 'help' | 'version' | undefined {
  const { help, version } = parsed(argv);
  if (help === true) return 'help';
  return version === true ? 'version' : undefined;
}

/** Reads the command line, and the file that it names. Throws INVALID_ARGUMENT that names the flag, or file, line and field. */
export function readCommandLine(argv: readonly string[]): CommandLine {
  const values = parsed(argv);
  const given = Object.entries<readonly [Kind, ...unknown[]]>(settingFlags).flatMap(([key, [kind]]) => {
    const value = values[flagOf(key)];
    return value === undefined ? [] : [[key, readValue(value, kind, flagOf(key))]];
  });
  const flags = checked(Object.fromEntries(given), (field) => `flag --${flagOf(field.split(/[.[]/)[0] ?? '')}`);
  const file: GivenSettings = typeof values.config === 'string' ? readGivenSettings(values.config) : {};
  const settings = settingsOf(file, flags);
  const fixture = typeof values.fixture === 'string' ? values.fixture : undefined;
  if (fixture !== undefined && settings.discovery === 'nvml')
    throw invalid('flag --fixture', 'has no NVML: it is files in the place of a host');
  return { settings, fixture, print: values.print === true };
}

/** What `--help` prints. */
export function usage(): string {
  const lines = Object.entries<readonly [kind: Kind, help: string, standard?: string]>({ ...ownFlags, ...settingFlags }).map(
    ([key, [kind, help, standard]]) => `  --${flagOf(key)}${wordOf(kind)}\n      ${help}${standard ? ` (default ${standard})` : ''}\n`,
  );
  return `Usage: device-gpu [FLAG]...\nOffers the NVIDIA GPUs of this host to a kubelet.\n\n${lines.join('')}`;
}

function parsed(argv: readonly string[]): Record<string, string | boolean | undefined> {
  const options = Object.fromEntries(
    Object.entries<readonly [Kind, ...unknown[]]>({ ...ownFlags, ...settingFlags }).map(([key, [kind]]) => [
      flagOf(key),
      { type: kind === 'boolean' ? ('boolean' as const) : ('string' as const) },
    ]),
  );
  try {
    return parseArgs({ args: [...argv], options, strict: true, allowNegative: true, allowPositionals: false }).values as Record<
      string,
      string
    >;
  } catch (thrown) {
    // Node's own words name the flag.
    throw new PluginError('INVALID_ARGUMENT', (thrown as Error).message.split('. ')[0] ?? '', {
      object: 'command line',
      hint: '--help lists the flags',
    });
  }
}

function readValue(value: string | boolean, kind: Kind, flag: string): unknown {
  if (typeof value === 'boolean' || kind === 'text') return value;
  const words = value.split(',').map((word) => word.trim());
  if (kind === 'texts') return words;
  const numbers = words.map((word) => {
    if (!/^\d+(\.\d+)?$/.test(word))
      throw invalid(`flag --${flag}`, `must be ${kind === 'number' ? 'a number' : 'numbers, "," between them'}`);
    return Number(word);
  });
  return kind === 'number' ? numbers[0] : numbers;
}

function flagOf(key: string): string {
  return key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function wordOf(kind: Kind): string {
  return { boolean: '', text: ' TEXT', number: ' NUMBER', texts: ' TEXT,...', numbers: ' NUMBER,...' }[kind];
}

function invalid(object: string, what: string): PluginError {
  return new PluginError('INVALID_ARGUMENT', what, { object });
}
