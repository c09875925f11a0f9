import type { Pod } from '@berth/api/objects';
import { onAbort } from '@berth/sdk/abort';
import { containerStatuses } from './container-statuses.ts';
import type { Node } from './node.ts';
import { verdictOf } from './verdict.ts';

/** How long pods have to stay ready, without a restart, to count as done. */
const steadyMs = 1500;

export interface AwaitOptions {
  onChange(pods: Pod[]): void;
  /** Stops waiting: what isn't done by then hasn't failed. */
  signal: AbortSignal;
  /** Gives up: whatever isn't done by then has failed. Left out: waits as long as it takes. */
  limit?: AbortSignal;
}

/**
 * Waits until every pod has done what its manifest says and has stayed so, or has failed for good. Gives the pods that failed,
 * a line each. Without a limit a failed pod isn't final: the node goes on trying.
 */
export async function awaitVerdicts(node: Node, { onChange, signal, limit }: AwaitOptions): Promise<string[]> {
  const { promise, resolve } = Promise.withResolvers<string[]>();
  let steady: NodeJS.Timeout | undefined;
  const look = (): void => {
    const pods = node.pods();
    onChange(pods);
    clearTimeout(steady);
    if (!node.sourcesReady() || pods.some((pod) => verdictOf(pod).state === 'pending')) return;
    if (pods.length > 0 && pods.every(isOver)) give();
    else steady = setTimeout(give, steadyMs);
  };
  const give = (): void => resolve(failures(node, !signal.aborted));
  const unsubscribe = node.onChange(look);
  const stopListening = onAbort([signal, limit], give);
  look();
  try {
    return await promise;
  } finally {
    clearTimeout(steady);
    unsubscribe();
    stopListening();
  }
}

/** Such a pod never runs again: there is no need to see whether it stays so. */
function isOver({ status }: Pod): boolean {
  return status?.phase === 'Succeeded' || status?.phase === 'Failed';
}

/** `overdue`: a pod that has neither done what its manifest says nor failed for good has failed, too. */
function failures(node: Node, overdue: boolean): string[] {
  return node.pods().flatMap((pod) => {
    const verdict = verdictOf(pod);
    if (verdict.state === 'done' || (verdict.state === 'pending' && !overdue)) return [];
    const why =
      verdict.state === 'failed'
        ? verdict.why
        : `not ${pod.spec?.restartPolicy === 'Always' ? 'ready' : 'finished'} in time: ${pod.status?.message ?? whyPending(pod)}`;
    return [`pod ${pod.metadata?.namespace}/${pod.metadata?.name}: ${why}`];
  });
}

function whyPending(pod: Pod): string {
  const waiting = containerStatuses(pod).flatMap(({ name, state }) =>
    state?.waiting ? [`${name}: ${state.waiting.reason}${state.waiting.message ? `: ${state.waiting.message}` : ''}`] : [],
  );
  return waiting.join('; ') || (pod.status?.phase ?? 'Pending');
}
