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
  if (details.startsWith('No connection established')) return connectFailure(details);
  if (details.startsWith('Connection dropped'))
    return { what: 'the connection broke during the call', hint: 'see whether the plugin crashed' };
  if (details.startsWith('Name resolution failed')) return { what: "the host name can't be resolved", hint: 'check the address' };
  if (details.startsWith('Deadline exceeded after')) {
    return { what: `no answer within ${deadlineMs} ms`, hint: 'see what the plugin is waiting for, or allow it more time' };
  }
  const size = /^Received message larger than max \((\d+) vs (\d+)\)/.exec(details);
  if (size) return { what: `the answer has ${size[1]} bytes, and at most ${size[2]} are taken`, hint: 'ask for less at a time' };
  return undefined;
}

const connectFailures: Record<string, Explanation> = {
  ENOENT: { what: "the socket file doesn't exist", hint: 'is the plugin running?' },
  ECONNREFUSED: { what: 'nobody listens there', hint: 'is the plugin running?' },
  ENOTSOCK: { what: 'the file is no socket', hint: 'check the address' },
  EACCES: { what: 'no permission to open the socket', hint: 'run as the user who owns it' },
  EPERM: { what: 'no permission to open the socket', hint: 'run as the user who owns it' },
  ENOTFOUND: { what: "the host name can't be resolved", hint: 'check the address' },
};

function connectFailure(details: string): Explanation {
  const cause = /Last error: (?:Error: )?(.*?)\.? Resolution note:/s.exec(details)?.[1] ?? '';
  const known = /\b(E[A-Z]{4,})\b/.exec(cause)?.[1];
  return connectFailures[known ?? ''] ?? { what: `no connection${cause ? ` (${cause})` : ''}`, hint: 'does a gRPC server listen there?' };
}

function hintFor(error: ServiceError): string | undefined {
  if (error.code !== status.UNIMPLEMENTED) return undefined;
  return /unknown service/i.test(error.details) ? 'is this the right kind of plugin?' : 'a newer version of the plugin may have it';
}
