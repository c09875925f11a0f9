import { describe, expect, it } from 'vitest';
import type { Pod, PodSpec, RuntimeClass } from './objects.ts';
import { admitRuntimeClass } from './runtime-class.ts';
import { formatFieldError } from './validation/field-error.ts';

const vm: RuntimeClass = {
  apiVersion: 'node.k8s.io/v1',
  kind: 'RuntimeClass',
  metadata: { name: 'vm' },
  handler: 'vm',
  overhead: { podFixed: { memory: '128Mi' } },
  scheduling: { nodeSelector: { kvm: 'yes' }, tolerations: [{ key: 'vm', operator: 'Exists' }] },
};
const podOf = (spec: Partial<PodSpec>): Pod => ({ apiVersion: 'v1', kind: 'Pod', spec: { containers: [], ...spec } });

describe('admitRuntimeClass', () => {
  it('gives the pod the overhead, the node selector and the tolerations of its class', () => {
    const { pod, errors } = admitRuntimeClass(
      podOf({ nodeSelector: { disk: 'ssd' }, tolerations: [{ key: 'batch', operator: 'Exists' }] }),
      vm,
    );
    expect(errors).toEqual([]);
    expect(pod.spec).toMatchObject({
      overhead: { memory: '128Mi' },
      nodeSelector: { disk: 'ssd', kvm: 'yes' },
      tolerations: [
        { key: 'batch', operator: 'Exists' },
        { key: 'vm', operator: 'Exists' },
      ],
    });
  });

  it('changes nothing the second time', () => {
    const { pod } = admitRuntimeClass(podOf({}), vm);
    expect(admitRuntimeClass(pod, vm)).toEqual({ pod, errors: [] });
  });

  it('refuses a pod that contradicts its class', () => {
    const { errors } = admitRuntimeClass(podOf({ overhead: { memory: '1Mi' }, nodeSelector: { kvm: 'no' } }), vm);
    expect(errors.map(formatFieldError)).toEqual([
      "spec.overhead: Forbidden: Pod's Overhead doesn't match RuntimeClass's defined Overhead",
      'spec.nodeSelector[kvm]: Forbidden: conflict: runtimeClass.scheduling.nodeSelector[kvm] = yes; pod.spec.nodeSelector[kvm] = no',
    ]);
  });
});
