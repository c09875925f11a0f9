import type { TestPod } from './pod.ts';
import type { CriTarget } from './target.ts';

/** Runs `work` in a pod with one container, both of which have labels and annotations that statistics tell them by. */
export function withMeasured<Result>(target: CriTarget, work: (pod: TestPod, containerId: string) => Promise<Result>): Promise<Result> {
  return target.withPod({ labels: { measured: 'sandbox' }, annotations: { 'example.com/measured': 'sandbox' } }, async (pod) => {
    const annotations = { 'example.com/measured': 'container' };
    const container = await pod.start({ labels: { measured: 'container' }, annotations, metadata: { name: 'measured', attempt: 2 } });
    return work(pod, container.id);
  });
}
