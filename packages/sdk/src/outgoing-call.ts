import { type CallOptions as GrpcCallOptions, Metadata, type MethodDefinition, type ServiceError } from '@grpc/grpc-js';
import { onAbort } from './abort.ts';
import { PluginError } from './errors.ts';
import { fromStatus } from './status.ts';
import { formatTraceparent, type TraceContext } from './trace-context.ts';

// biome-ignore lint/suspicious/noExplicitAny: the message types are known to the service definition, not here
export type AnyMethod = MethodDefinition<any, any>;

export interface OutgoingCallOptions {
  method: AnyMethod;
  request: unknown;
  address: string;
  span: TraceContext;
  /** Any of them ends the call. */
  signals: (AbortSignal | undefined)[];
  deadlineMs: number | undefined;
  /** What is called, for error messages: `plugin`. */
  peer: string;
  metadata?: Readonly<Record<string, string>> | undefined;
}

/** The call as an error message names it: `RunPodSandbox on unix:///run/x.sock`. */
export function callObject({ method, address }: Pick<OutgoingCallOptions, 'method' | 'address'>): string {
  return `${method.path.slice(method.path.lastIndexOf('/') + 1)} on ${address}`;
}

/** What grpc-js takes with the request. */
export function transmission({ span, deadlineMs, metadata = {} }: OutgoingCallOptions): [Metadata, GrpcCallOptions] {
  const sent = new Metadata();
  for (const [name, value] of Object.entries(metadata)) sent.set(name, value);
  sent.set('traceparent', formatTraceparent(span));
  return [sent, deadlineMs === undefined ? {} : { deadline: Date.now() + deadlineMs }];
}

/** One call's end by its caller's hand: cancels what runs, and knows afterwards that this was the reason. */
export class Cancellation {
  readonly #object: string;
  readonly #stop: () => void;
  #cancel: (() => void) | undefined;
  /** Set once the caller has ended the call. */
  error: PluginError | undefined;

  constructor(options: OutgoingCallOptions) {
    this.#object = callObject(options);
    this.#stop = onAbort(options.signals, (reason) => {
      this.error = cancelled(reason, this.#object);
      // A call that is cancelled in the turn that it began in is begun at the peer all the same, and never ended there.
      if (this.#cancel) setImmediate(this.#cancel);
    });
  }

  throwIfCancelled(): void {
    if (this.error) throw this.error;
  }

  /** What to call when the caller ends the call. */
  cancelWith(cancel: () => void): void {
    this.#cancel = cancel;
  }

  release(): void {
    this.#stop();
  }
}

function cancelled(reason: unknown, object: string): PluginError {
  if (reason instanceof Error && reason.name === 'TimeoutError') {
    return new PluginError('DEADLINE_EXCEEDED', 'no answer within the time its caller had', { object, cause: reason });
  }
  return new PluginError('CANCELLED', reason instanceof PluginError ? reason.message : 'the caller ended the call', {
    object,
    cause: reason,
  });
}

/** Why a call failed, for its caller. */
export function failure(thrown: unknown, options: OutgoingCallOptions, cancellation: Cancellation): PluginError {
  if (cancellation.error) return cancellation.error;
  const { deadlineMs, peer } = options;
  const object = callObject(options);
  return isServiceError(thrown) ? fromStatus(thrown, { object, deadlineMs, peer }) : PluginError.from(thrown, 'INTERNAL', { object });
}

function isServiceError(thrown: unknown): thrown is ServiceError {
  return thrown instanceof Error && 'details' in thrown && typeof (thrown as { code?: unknown }).code === 'number';
}
