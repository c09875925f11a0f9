import type { Code } from './errors.ts';

/** A call as it starts. `request` is the decoded message: a tap must not change it, nor keep it past the call. */
export interface CallStart {
  /** The gRPC path, `/runtime.v1.RuntimeService/RunPodSandbox`. */
  path: string;
  address: string;
  /** Undefined for a call that streams its requests. */
  request: unknown;
  traceId: string;
  spanId: string;
  parentSpanId?: string;
}

export interface CallEnd {
  durationMs: number;
  outcome: 'OK' | Code;
  message?: string;
  /** The decoded response of a unary call that succeeded. */
  response?: unknown;
}

/**
 * What a tap gives back to take a call's place: the call isn't made, and its caller sees this instead. The response
 * of a server stream is an iterable of its messages, synchronous or not.
 */
export type Replacement = { response: unknown } | { error: Error };

/**
 * What every plugin call shows of itself. `connect()` asks the tap as each call starts (a stream starts when its first
 * message is asked for), and tells it how the call ended; timeline, recording, replay and faults are all made of this.
 */
export interface Tap {
  call(start: CallStart): { end(result: CallEnd): void } | Replacement;
}
