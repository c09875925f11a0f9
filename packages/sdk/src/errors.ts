/**
 * What went wrong, in gRPC's vocabulary, so that one error crosses every protocol:
 * it is made where the failure arises and translated once, at the edge.
 */
export type Code =
  | 'CANCELLED'
  | 'UNKNOWN'
  | 'INVALID_ARGUMENT'
  | 'DEADLINE_EXCEEDED'
  | 'NOT_FOUND'
  | 'ALREADY_EXISTS'
  | 'PERMISSION_DENIED'
  | 'RESOURCE_EXHAUSTED'
  | 'FAILED_PRECONDITION'
  | 'ABORTED'
  | 'OUT_OF_RANGE'
  | 'UNIMPLEMENTED'
  | 'INTERNAL'
  | 'UNAVAILABLE'
  | 'DATA_LOSS'
  | 'UNAUTHENTICATED';

export interface PluginErrorOptions {
  /** What the failure is about, as the reader would name it: `sandbox 3f2a`, `examples/sidecar.yaml`, `CNI plugin bridge`. */
  object?: string;
  /** What the reader can do about it, as one sentence in the imperative. */
  hint?: string;
  cause?: unknown;
}

/** The one error that crosses a seam. Its message reads `object: what was wrong; what to do`. */
export class PluginError extends Error {
  readonly code: Code;
  /** The message without object and hint: for another error, that knows better what it is about and what to do. */
  readonly what: string;
  readonly object: string | undefined;
  readonly hint: string | undefined;

  constructor(code: Code, what: string, options: PluginErrorOptions = {}) {
    super(describe(what, options), options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'PluginError';
    this.code = code;
    this.what = what;
    this.object = options.object;
    this.hint = options.hint;
  }

  /** Any thrown value as a PluginError; one that is already a PluginError comes back as it is. */
  static from(thrown: unknown, fallback: Code = 'INTERNAL', options: PluginErrorOptions = {}): PluginError {
    if (thrown instanceof PluginError) return thrown;
    const error = thrown instanceof Error ? thrown : new Error(String(thrown));
    return new PluginError(codeOf(error) ?? fallback, error.message, { ...options, cause: options.cause ?? thrown });
  }
}

function describe(what: string, { object, hint }: PluginErrorOptions): string {
  return `${object ? `${object}: ` : ''}${what}${hint ? `; ${hint}` : ''}`;
}

const systemCodes: Record<string, Code> = {
  ENOENT: 'NOT_FOUND',
  EEXIST: 'ALREADY_EXISTS',
  EACCES: 'PERMISSION_DENIED',
  EPERM: 'PERMISSION_DENIED',
  ENAMETOOLONG: 'INVALID_ARGUMENT',
  ENOSPC: 'RESOURCE_EXHAUSTED',
  EDQUOT: 'RESOURCE_EXHAUSTED',
  EMFILE: 'RESOURCE_EXHAUSTED',
  ECONNREFUSED: 'UNAVAILABLE',
  ECONNRESET: 'UNAVAILABLE',
  EPIPE: 'UNAVAILABLE',
  ETIMEDOUT: 'DEADLINE_EXCEEDED',
};

function codeOf(error: Error): Code | undefined {
  if (error.name === 'AbortError') return 'CANCELLED';
  if (error.name === 'TimeoutError') return 'DEADLINE_EXCEEDED';
  return systemCodes[(error as NodeJS.ErrnoException).code ?? ''];
}
