/** Why a container isn't running yet, in kubelet's words. */
export interface Wait {
  reason: string;
  message?: string;
}

/** The earlier of two times, where either may be absent. */
export function earlier(a: Date | undefined, b: Date | undefined): Date | undefined {
  if (!a || !b) return a ?? b;
  return a < b ? a : b;
}
