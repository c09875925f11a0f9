import { PluginError } from '@berth/sdk/errors';

/** What a fake container does, as its pod's annotations say. Times are milliseconds. */
export interface Behaviour {
  /** From start to the end by itself; undefined: runs until it is stopped. */
  exitAfter: number | undefined;
  exitCode: number;
  /** Written to its termination log at that end. */
  terminationMessage: string | undefined;
  /** From StartContainer to running; `never`: stays created, so that its pod never gets ready. */
  startAfter: number | 'never';
  /** Lines written to stdout at the start, and again each `outputEvery`. */
  output: string[];
  outputEvery: number | undefined;
  /** Lines that a command run in it prints. */
  execOutput: string[];
  execExitCode: number;
  /** Only SIGKILL ends it. */
  ignoresStop: boolean;
  pullDelay: number;
  /** The pull fails with this message. */
  pullError: string | undefined;
}

const prefix = 'fake.berth.dev/';

/** Names of annotations below `fake.berth.dev/`, alone for all containers of the pod or as `CONTAINER.NAME` for one. */
const annotationNames = [
  'exit-after',
  'exit-code',
  'termination-message',
  'start-after',
  'output',
  'output-every',
  'exec-output',
  'exec-exit-code',
  'ignore-stop',
  'pull-delay',
  'pull-error',
] as const;
type AnnotationName = (typeof annotationNames)[number];

/** Reads the behaviour of the start number `attempt` of `container`, counted from 0; a name that isn't known or a malformed value is INVALID_ARGUMENT. */
export function behaviourOf(container: string, annotations: Record<string, string>, attempt = 0): Behaviour {
  checkNames(annotations);
  const text = (name: AnnotationName): string | undefined => annotations[`${prefix}${container}.${name}`] ?? annotations[prefix + name];
  const time = (name: AnnotationName): number | undefined => milliseconds(name, text(name));
  return {
    exitAfter: time('exit-after'),
    exitCode: exitCodeOfStart('exit-code', text('exit-code'), attempt),
    terminationMessage: text('termination-message'),
    startAfter: text('start-after') === 'never' ? 'never' : (time('start-after') ?? 0),
    output: text('output')?.split('\n') ?? [],
    outputEvery: time('output-every'),
    execOutput: text('exec-output')?.split('\n') ?? [],
    execExitCode: exitCode('exec-exit-code', text('exec-exit-code')),
    ignoresStop: text('ignore-stop') === 'true',
    pullDelay: time('pull-delay') ?? 0,
    pullError: text('pull-error'),
  };
}

function checkNames(annotations: Record<string, string>): void {
  for (const key of Object.keys(annotations)) {
    if (!key.startsWith(prefix)) continue;
    const name = key.slice(prefix.length).split('.').at(-1);
    if (annotationNames.includes(name as AnnotationName)) continue;
    throw new PluginError('INVALID_ARGUMENT', 'no such behaviour', {
      object: `annotation ${key}`,
      hint: `use one of ${annotationNames.join(', ')}`,
    });
  }
}

function milliseconds(name: AnnotationName, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const [, count, unit] = /^(\d+(?:\.\d+)?)(ms|s|m)$/.exec(text) ?? [];
  if (count === undefined) throw invalid(name, text, 'give a duration: 500ms, 3s, 2m');
  return Number(count) * (unit === 'm' ? 60_000 : unit === 's' ? 1000 : 1);
}

/** Of several codes each start has its own; the last one is that of all that follow. */
function exitCodeOfStart(name: AnnotationName, text: string | undefined, attempt: number): number {
  const codes = (text ?? '0').split(',').map((code) => exitCode(name, code.trim()));
  return codes[Math.min(attempt, codes.length - 1)] ?? 0;
}

function exitCode(name: AnnotationName, text: string | undefined): number {
  if (text === undefined) return 0;
  const code = Number(text);
  if (!Number.isInteger(code) || code < 0 || code > 255) throw invalid(name, text, 'give a number from 0 to 255');
  return code;
}

function invalid(name: AnnotationName, text: string, hint: string): PluginError {
  return new PluginError('INVALID_ARGUMENT', `${JSON.stringify(text)} is no value for it`, { object: `annotation ${prefix}${name}`, hint });
}
