import type { Taint, Toleration } from './objects.ts';

type Effect = Taint['effect'];

/** Whether a toleration holds for a taint (Kubernetes `Toleration.ToleratesTaint`): empty key and effect stand for all. */
export function toleratesTaint(toleration: Toleration, taint: Taint): boolean {
  if (toleration.effect && toleration.effect !== taint.effect) return false;
  if (toleration.key && toleration.key !== taint.key) return false;
  if (toleration.operator === 'Exists') return true;
  return (!toleration.operator || toleration.operator === 'Equal') && (toleration.value ?? '') === (taint.value ?? '');
}

/** The taints with one of `effects` that no toleration holds for, in the node's order. */
export function untoleratedTaints(
  taints: readonly Taint[] | undefined,
  tolerations: readonly Toleration[] | undefined,
  effects: readonly Effect[],
): Taint[] {
  return (taints ?? []).filter(
    (taint) => effects.includes(taint.effect) && !(tolerations ?? []).some((toleration) => toleratesTaint(toleration, taint)),
  );
}
