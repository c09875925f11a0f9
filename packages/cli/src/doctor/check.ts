/** One thing that a node needs of its host, and whether it is so. Looking changes nothing. */
export interface Finding {
  name: string;
  /** `warning`: the node runs, but something that users expect won't work. */
  verdict: 'ok' | 'warning' | 'failed';
  /** What was found: a version, a mode, a path. */
  found: string;
  /** What to do, where the verdict isn't `ok`; left out where `found` says it. */
  advice?: string;
}

export function ok(name: string, found: string): Finding {
  return { name, verdict: 'ok', found };
}

export function warning(name: string, found: string, advice: string): Finding {
  return { name, verdict: 'warning', found, advice };
}

export function failed(name: string, found: string, advice: string): Finding {
  return { name, verdict: 'failed', found, advice };
}
