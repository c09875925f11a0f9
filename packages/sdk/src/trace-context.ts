import { AsyncLocalStorage } from 'node:async_hooks';
import { randomBytes } from 'node:crypto';

/** The span that the running code belongs to (W3C trace context; lower-case hex ids). */
export interface TraceContext {
  traceId: string;
  spanId: string;
}

const storage = new AsyncLocalStorage<TraceContext>();

/** The span of the running code, if any. `serve()` runs each handler in the span of the call, from the caller's `traceparent`. */
export function currentTrace(): TraceContext | undefined {
  return storage.getStore();
}

/** Runs `work` inside `span`, so that every plugin call made in it names that span as its parent. */
export function inTrace<T>(span: TraceContext, work: () => T): T {
  return storage.run(span, work);
}

/** A new span: a child of `parent`, or the root of a new trace. */
export function newSpan(parent: TraceContext | undefined = currentTrace()): TraceContext {
  return { traceId: parent?.traceId ?? randomBytes(16).toString('hex'), spanId: randomBytes(8).toString('hex') };
}

/** The root of a new trace, whatever runs now: for work that goes on by itself. */
export function newTrace(): TraceContext {
  return { traceId: randomBytes(16).toString('hex'), spanId: randomBytes(8).toString('hex') };
}

/** The `traceparent` metadata of a call made in `span`. */
export function formatTraceparent(span: TraceContext): string {
  return `00-${span.traceId}-${span.spanId}-01`;
}

/** Reads a `traceparent`; undefined where it is absent or malformed, as the W3C text asks. */
export function parseTraceparent(value: string | undefined): TraceContext | undefined {
  const match = /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}$/.exec(value ?? '');
  return match ? { traceId: match[1] as string, spanId: match[2] as string } : undefined;
}
