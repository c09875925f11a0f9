import { Gauge, type Registry } from 'prom-client';

/** Counts the mirrors of static pods as they are asked for. */
export function addMirrorPods(registry: Registry, count: () => number): void {
  new Gauge({
    name: 'kubelet_mirror_pods',
    help: 'Mirrors of static pods in the API.',
    registers: [registry],
    collect() {
      this.set(count());
    },
  });
}
