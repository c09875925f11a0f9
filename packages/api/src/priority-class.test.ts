import { describe, expect, it } from 'vitest';
import type { Pod, PodSpec, PriorityClass } from './objects.ts';
import { admitPriorityClass } from './priority-class.ts';
import { formatFieldError } from './validation/field-error.ts';

const classOf = (name: string, value: number, more: Partial<PriorityClass> = {}): PriorityClass => ({
  apiVersion: 'scheduling.k8s.io/v1',
  kind: 'PriorityClass',
  metadata: { name },
  value,
  ...more,
});
const classes = [classOf('high', 1000, { preemptionPolicy: 'Never' }), classOf('usual', 5, { globalDefault: true })];
const admit = (spec: Partial<PodSpec>, known = classes) => {
  const pod: Pod = { apiVersion: 'v1', kind: 'Pod', spec: { containers: [], ...spec } };
  const { pod: admitted, errors } = admitPriorityClass(pod, known);
  return { priority: admitted.spec?.priority, policy: admitted.spec?.preemptionPolicy, errors: errors.map(formatFieldError) };
};

describe('admitPriorityClass', () => {
  it('gives the pod the priority and the policy of its class', () => {
    expect(admit({ priorityClassName: 'high' })).toEqual({ priority: 1000, policy: 'Never', errors: [] });
    expect(admit({ priorityClassName: 'system-node-critical' })).toMatchObject({ priority: 2_000_001_000, errors: [] });
  });

  it('gives one without a class the global default, or 0', () => {
    expect(admit({})).toEqual({ priority: 5, policy: 'PreemptLowerPriority', errors: [] });
    expect(admit({}, [])).toMatchObject({ priority: 0, errors: [] });
  });

  it('keeps a priority that was computed before', () => {
    expect(admit({ priority: 7 }, [])).toMatchObject({ priority: 7, errors: [] });
    expect(admit({ priorityClassName: 'low', priority: 7 })).toMatchObject({ priority: 7, errors: [] });
  });

  it('refuses a class that is not there, and a priority that is not that of the class', () => {
    expect(admit({ priorityClassName: 'low' }).errors).toEqual([
      'spec.priorityClassName: Forbidden: no PriorityClass with name low was found',
    ]);
    expect(admit({ priorityClassName: 'high', priority: 1 }).errors).toEqual([
      expect.stringMatching(/^spec\.priority: Forbidden: .*computed 1000/),
    ]);
  });
});
