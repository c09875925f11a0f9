import { Gauge, type Registry } from 'prom-client';
import { isStaticPod } from '../pod.ts';
import type { WorkingPod } from '../pod-workers/pod-workers.ts';

/** Counts the pods that the node works on as they are asked for, under kubelet's labels; of a pod that only a runtime knows nobody can say whether it is static. */
export function addWorkingPods(registry: Registry, working: () => WorkingPod[]): void {
  new Gauge({
    name: 'kubelet_working_pods',
    help: 'Pods that the node works on, by life cycle, and whether a source has them.',
    labelNames: ['lifecycle', 'config', 'static'],
    registers: [registry],
    collect() {
      this.reset();
      for (const lifecycle of ['sync', 'terminating', 'terminated']) {
        for (const config of ['desired', 'orphan']) for (const kind of ['', 'true']) this.set({ lifecycle, config, static: kind }, 0);
        this.set({ lifecycle, config: 'runtime_only', static: 'unknown' }, 0);
      }
      for (const { pod, lifecycle, config } of working()) {
        const known = isStaticPod(pod) ? 'true' : '';
        this.inc({ lifecycle, config, static: config === 'runtime_only' ? 'unknown' : known });
      }
    },
  });
}
