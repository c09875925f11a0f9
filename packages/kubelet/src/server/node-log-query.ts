import { PluginError } from '@berth/sdk/errors';

/** What `/logs/?query=` asks for (KEP-2258; kubernetes:pkg/kubelet/kubelet_server_journal.go). */
export interface NodeLogQuery {
  /** Of systemd, or named as their log files are; none where a file is asked for. */
  services: string[];
  /** Below the node's log directory. */
  file?: string;
  sinceTime?: Date;
  untilTime?: Date;
  /** The last so many lines. */
  tailLines?: number;
  /** 0: this boot; -1: the one before. */
  boot?: number;
  /** As `journalctl --grep` has it. */
  pattern?: string;
}

const names = ['query', 'sinceTime', 'untilTime', 'tailLines', 'boot', 'pattern'];
const maxServices = 4;
const maxTailLines = 100_000;
const rfc3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

/** Undefined for a request that is no query; INVALID_ARGUMENT, in kubelet's words, for one that can't be answered. */
export function readNodeLogQuery(parameters: URLSearchParams): NodeLogQuery | undefined {
  if (!names.some((name) => parameters.has(name))) return undefined;
  const asked = parameters.getAll('query').filter((each) => each.trim() !== '');
  const [files, services] = [asked.filter((each) => /[/\\]/.test(each)), asked.filter((each) => !/[/\\]/.test(each))];
  const options = optionsOf(parameters);
  if (asked.length === 0) throw invalid('query', 'query cannot be empty');
  if (files.length > 0 && services.length > 0) throw invalid('query', 'cannot specify a file and service');
  if (files.length > 1) throw invalid('query', 'cannot specify more than one file');
  if (files.length > 0 && Object.keys(options).length > 0) throw invalid('query', 'cannot specify file with options');
  if (services.length > maxServices) throw invalid('query', `has ${services.length} services; must have at most ${maxServices}`);
  if (services.some((service) => !/^[\w@-]{1,256}$/.test(service))) throw invalid('query', 'input contains unsupported characters');
  return { services, ...(files[0] !== undefined && { file: files[0] }), ...options };
}

/** How journalctl is asked for them. */
export function journalArguments({ services, sinceTime, untilTime, tailLines, boot, pattern }: NodeLogQuery): string[] {
  const epoch = (time: Date): string => `@${time.getTime() / 1000}`;
  return [
    ...['--utc', '--no-pager', '--output=short-precise'],
    ...(sinceTime ? [`--since=${epoch(sinceTime)}`] : []),
    ...(untilTime ? [`--until=${epoch(untilTime)}`] : []),
    ...(tailLines === undefined ? [] : [`--lines=${tailLines}`]),
    ...services.map((service) => `--unit=${service}`),
    ...(pattern === undefined ? [] : [`--grep=${pattern}`]),
    ...(boot === undefined ? [] : [`--boot=${boot}`]),
  ];
}

function optionsOf(parameters: URLSearchParams): Omit<NodeLogQuery, 'services' | 'file'> {
  const [sinceTime, untilTime] = [timeOf(parameters, 'sinceTime'), timeOf(parameters, 'untilTime')];
  const [tailLines, boot] = [numberOf(parameters, 'tailLines'), numberOf(parameters, 'boot')];
  const pattern = parameters.get('pattern') || undefined;
  if (sinceTime && untilTime && sinceTime > untilTime) throw invalid('untilTime', 'must be after `sinceTime`');
  if (boot !== undefined && boot > 0) throw invalid('boot', 'must be less than 1');
  if (tailLines !== undefined && (tailLines < 0 || tailLines > maxTailLines)) {
    throw invalid('tailLines', `must be between 0 and ${maxTailLines}, inclusive`);
  }
  return {
    ...(sinceTime && { sinceTime }),
    ...(untilTime && { untilTime }),
    ...(tailLines !== undefined && { tailLines }),
    ...(boot !== undefined && { boot }),
    ...(pattern !== undefined && { pattern }),
  };
}

function timeOf(parameters: URLSearchParams, name: string): Date | undefined {
  const text = parameters.get(name);
  if (!text) return undefined;
  const time = new Date(text);
  if (!rfc3339.test(text) || Number.isNaN(time.getTime())) throw invalid(name, 'invalid time format');
  return time;
}

function numberOf(parameters: URLSearchParams, name: string): number | undefined {
  const text = parameters.get(name);
  if (!text) return undefined;
  if (!/^[+-]?\d{1,9}$/.test(text)) throw invalid(name, 'invalid number');
  return Number(text);
}

function invalid(object: string, message: string): PluginError {
  return new PluginError('INVALID_ARGUMENT', message, { object });
}
