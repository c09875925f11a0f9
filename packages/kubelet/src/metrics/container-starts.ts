import { Counter, type Registry } from 'prom-client';

/** kubelet's names of what is started. */
export type ContainerType = 'container' | 'init_container' | 'ephemeral_container';

/** What the kubelet has started, and couldn't. */
export class ContainerStarts {
  readonly #containers: Counter;
  readonly #containerErrors: Counter;
  readonly #pods: Counter;
  readonly #podErrors: Counter;
  readonly #restartedPods: Counter;

  constructor(registry: Registry) {
    const counter = (name: string, help: string, labelNames: string[] = []): Counter =>
      new Counter({ name, help, labelNames, registers: [registry] });
    this.#containers = counter('kubelet_started_containers_total', 'Containers started.', ['container_type']);
    this.#containerErrors = counter('kubelet_started_containers_errors_total', 'Containers that could not be started.', [
      'container_type',
      'code',
    ]);
    this.#pods = counter('kubelet_started_pods_total', 'Sandboxes of pods made.');
    this.#podErrors = counter('kubelet_started_pods_errors_total', 'Sandboxes of pods that could not be made.', ['message']);
    this.#restartedPods = counter('kubelet_restarted_pods_total', 'Pods made anew under the same uid.', ['static']);
  }

  /** `code`: why it failed, as the pod's status says it (`ErrImagePull`); left out where it started. */
  container(type: ContainerType, code?: string): void {
    this.#containers.inc({ container_type: type });
    if (code !== undefined) this.#containerErrors.inc({ container_type: type, code });
  }

  sandbox(code?: string): void {
    this.#pods.inc();
    this.#containers.inc({ container_type: 'pod_sandbox' });
    if (code === undefined) return;
    this.#podErrors.inc({ message: code });
    this.#containerErrors.inc({ container_type: 'pod_sandbox', code });
  }

  /** A pod was made anew that its sources took away and brought back, under its uid, before it had ended. */
  restarted(isStatic: boolean): void {
    this.#restartedPods.inc({ static: isStatic ? 'true' : '' });
  }
}
