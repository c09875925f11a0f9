import { type ServiceError, type StatusObject, status } from '@grpc/grpc-js';
import { type Code, PluginError, type PluginErrorOptions } from './errors.ts';

/** gRPC keeps a status's text in one header: more than this of a message would cost the whole answer. */
const maxDetailsLength = 8 * 1024;

/** What goes over the wire for a thrown value: a PluginError's own code, INTERNAL for anything that nobody foresaw. */
export function toStatus(thrown: unknown): Pick<StatusObject, 'code' | 'details'> {
  const error = PluginError.from(thrown);
  const details = error.message.length > maxDetailsLength ? `${error.message.slice(0, maxDetailsLength)}…` : error.message;
  return { code: status[error.code], details };
}

/** What a failed call means for its caller. `object` names the call, `RunPodSandbox on unix:///run/x.sock`. */
export function fromStatus(error: ServiceError, object: string, deadlineMs: number | undefined): PluginError {
  const { what, hint } = localFailure(error.details, deadlineMs) ?? {
    what: error.details || 'the plugin gave no reason',
    hint: hintFor(error),
  };
  return new PluginError(codeOf(error.code), what, { object, hint, cause: error });
}

/** The name of a gRPC status number; a number outside the specification is UNKNOWN, as it asks. */
function codeOf(code: number): Code {
  const name = status[code];
  return name === undefined || name === 'OK' ? 'UNKNOWN' : (name as Code);
}

type Explanation = { what: string } & Pick<PluginErrorOptions, 'hint'>;

/**
 * grpc-js reports what went wrong on its own side in the same field as the server's words. These are the forms it has;
 * everything else is the server's text and stays as it is.
 */
function localFailure(details: string, deadlineMs: number | undefined): Explanation | undefined {
  for (const [pattern, explain] of localFailures) {
    const match = pattern.exec(details);
    if (match) return explain(match, deadlineMs);
  }
  return undefined;
}

const localFailures: [RegExp, (match: RegExpExecArray, deadlineMs: number | undefined) => Explanation][] = [
  [/^No connection established/, ({ input }) => connectFailure(input)],
  [/^Connection dropped/, () => ({ what: 'the connection broke during the call', hint: 'see whether the plugin crashed' })],
  [/^Name resolution failed/, () => ({ what: "the host name can't be resolved", hint: 'check the address' })],
  [
    /^Deadline exceeded( after|$)/,
    (_match, deadlineMs) => ({
      what: `no answer within ${deadlineMs} ms`,
      hint: 'see what the plugin is waiting for, or allow it more time',
    }),
  ],
  [
    /^Received message larger than max \((\d+) vs (\d+)\)/,
    ([, bytes, most]) => ({ what: `a message of ${bytes} bytes, where at most ${most} are taken`, hint: 'send or ask for less at a time' }),
  ],
  [
    /^Attempted to send message with a size larger than (\d+)/,
    ([, most]) => ({ what: `a request of more than ${most} bytes`, hint: 'send less at a time' }),
  ],
  [/^Request message serialization failure: (.*)/s, ([, cause]) => ({ what: `the request can't be encoded: ${cause}` })],
  [/^Response message parsing error: (.*)/s, ([, cause]) => ({ what: `the answer can't be decoded: ${cause}` })],
  [/^Received RST_STREAM with code (\d+)/, ([, code]) => ({ what: `the plugin broke the call off (HTTP/2 error ${code})` })],
];

const connectFailures: Record<string, Explanation> = {
  ENOENT: { what: "the socket file doesn't exist", hint: 'is the plugin running?' },
  ECONNREFUSED: { what: 'nobody listens there', hint: 'is the plugin running?' },
  ENOTSOCK: { what: 'the file is no socket', hint: 'check the address' },
  EACCES: { what: 'no permission to open the socket', hint: 'run as the user who owns it' },
  EPERM: { what: 'no permission to open the socket', hint: 'run as the user who owns it' },
  ENOTFOUND: { what: "the host name can't be resolved", hint: 'check the address' },
};

/** grpc-js puts the time behind why there is no connection: the same failure would be another one each time. */
const failedAt = / \(\d{4}-\d\d-\d\dT[\d:.]+Z\)$/;

function connectFailure(details: string): Explanation {
  const said = /Last error: (?:Error: )?(.*?)\.? Resolution note:/s.exec(details)?.[1] ?? '';
  const cause = said.replace(failedAt, '');
  const known = /\b(E[A-Z]{4,})\b/.exec(cause)?.[1];
  return connectFailures[known ?? ''] ?? { what: `no connection${cause ? ` (${cause})` : ''}`, hint: 'does a gRPC server listen there?' };
}

function hintFor(error: ServiceError): string | undefined {
  if (error.code !== status.UNIMPLEMENTED) return undefined;
  return /unknown service/i.test(error.details) ? 'is this the right kind of plugin?' : 'a newer version of the plugin may have it';
}
