/** How long a pod waits after a try that failed. */
export interface BackOff {
  /** After the first try; each further one doubles it. Default 1000. */
  initialMs: number;
  /** Default 10000. */
  maxMs: number;
}

/** kube-scheduler's podInitialBackoffSeconds and podMaxBackoffSeconds. */
export const defaultBackOff: BackOff = { initialMs: 1000, maxMs: 10_000 };

/** The wait after the `attempts`-th try. */
export function backOffMs({ initialMs, maxMs }: BackOff, attempts: number): number {
  return Math.min(initialMs * 2 ** Math.max(attempts - 1, 0), maxMs);
}
