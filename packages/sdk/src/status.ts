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

/** The call that failed, for its error. */
interface FailedCall {
  /** `RunPodSandbox on unix:///run/x.sock`. */
  object: string;
  deadlineMs: number | undefined;
  /** What is called: `plugin`, `kubelet`. */
  peer: string;
}

/** What a failed call means for its caller. */
export function fromStatus(error: ServiceError, { object, ...call }: FailedCall): PluginError {
  const { what, hint } = localFailure(error.details, call) ?? {
    what: error.details || `the ${call.peer} gave no reason`,
    hint: hintFor(error, call.peer),
  };
  return new PluginError(codeOf(error.code), what, { object, hint, cause: error });
}

/** The name of a gRPC status number; a number outside the specification is UNKNOWN, as it asks. */
function codeOf(code: number): Code {
  const name = status[code];
  return name === undefined || name === 'OK' ? 'UNKNOWN' : (name as Code);
}

type LocalCall = Omit<FailedCall, 'object'>;
type Explanation = { what: string } & Pick<PluginErrorOptions, 'hint'>;

/**
 * grpc-js reports what went wrong on its own side in the same field as the server's words. These are the forms it has;
 * everything else is the server's text and stays as it is.
 */
function localFailure(details: string, call: LocalCall): Explanation | undefined {
  for (const [pattern, explain] of localFailures) {
    const match = pattern.exec(details);
    if (match) return explain(match, call);
  }
  return undefined;
}

const localFailures: [RegExp, (match: RegExpExecArray, call: LocalCall) => Explanation][] = [
  [/^No connection established/, ({ input }, { peer }) => connectFailure(input, peer)],
  [
    /^Connection dropped/,
    (_match, { peer }) => ({ what: 'the connection broke during the call', hint: `see whether the ${peer} crashed` }),
  ],
  [/^Name resolution failed/, () => ({ what: "the host name can't be resolved", hint: 'check the address' })],
  [
    /^Deadline exceeded( after|$)/,
    (_match, { deadlineMs, peer }) => ({
      what: `no answer within ${deadlineMs} ms`,
      hint: `see what the ${peer} is waiting for, or allow it more time`,
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
  [/^Received RST_STREAM with code (\d+)/, ([, code], { peer }) => ({ what: `the ${peer} broke the call off (HTTP/2 error ${code})` })],
];

const connectFailures: Record<string, Explanation> = {
  ENOENT: { what: "the socket file doesn't exist" },
  ECONNREFUSED: { what: 'nobody listens there' },
  ENOTSOCK: { what: 'the file is no socket', hint: 'check the address' },
  EACCES: { what: 'no permission to open the socket', hint: 'run as the user who owns it' },
  EPERM: { what: 'no permission to open the socket', hint: 'run as the user who owns it' },
  ENOTFOUND: { what: "the host name can't be resolved", hint: 'check the address' },
};

/** grpc-js puts the time behind why there is no connection: the same failure would be another one each time. */
const failedAt = / \(\d{4}-\d\d-\d\dT[\d:.]+Z\)$/;

function connectFailure(details: string, peer: string): Explanation {
  const said = /Last error: (?:Error: )?(.*?)\.? Resolution note:/s.exec(details)?.[1] ?? '';
  const cause = said.replace(failedAt, '');
  const known = /\b(E[A-Z]{4,})\b/.exec(cause)?.[1];
  const failure = connectFailures[known ?? ''];
  if (failure) return { hint: `is the ${peer} running?`, ...failure };
  return { what: `no connection${cause ? ` (${cause})` : ''}`, hint: 'does a gRPC server listen there?' };
}

function hintFor(error: ServiceError, peer: string): string | undefined {
  if (error.code !== status.UNIMPLEMENTED) return undefined;
  return /unknown service/i.test(error.details) ? `is this the right kind of ${peer}?` : `a newer version of the ${peer} may have it`;
}
