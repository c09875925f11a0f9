import type { PodSpec, RuntimeClass } from '@berth/api/objects';
import { describe, expect, it } from 'vitest';
import { makePod } from '../../testing/observed-pod.ts';
import { NodeRuntimes } from './node-runtimes.ts';
import type { RuntimeClient } from './runtime-client.ts';

const client = (handler: string) => ({ handler, runtimeHandler: '' }) as RuntimeClient;

function runtimeClass(name: string, handler: string, more: Partial<RuntimeClass> = {}): RuntimeClass {
  return { apiVersion: 'node.k8s.io/v1', kind: 'RuntimeClass', metadata: { name }, handler, ...more };
}

const tolerations = [{ key: 'sandboxed', operator: 'Exists' as const }];
const runtimes = new NodeRuntimes({
  runtimes: new Map(['runc', 'vm'].map((handler) => [handler, client(handler)])),
  defaultHandler: 'runc',
  runtimeClasses: [
    runtimeClass('machine', 'vm', {
      overhead: { podFixed: { cpu: '250m', memory: '120Mi' } },
      scheduling: { nodeSelector: { kvm: 'yes' }, tolerations },
    }),
    runtimeClass('lost', 'gone'),
  ],
});

describe('a pod of a RuntimeClass', () => {
  it('gets its runtime, overhead, node selector and tolerations', () => {
    const { pod, ...admitted } = runtimes.admit(makePod({ runtimeClassName: 'machine', nodeSelector: { disk: 'ssd' } }));
    expect(admitted).toEqual({ client: client('vm') });
    expect(pod.spec).toMatchObject({
      overhead: { cpu: '250m', memory: '120Mi' },
      nodeSelector: { disk: 'ssd', kvm: 'yes' },
      tolerations,
    });
  });

  it.each<[what: string, spec: Partial<PodSpec>, reason: string, message: string]>([
    ['another overhead', { runtimeClassName: 'machine', overhead: { cpu: '1' } }, 'RuntimeClassConflict', 'spec.overhead: Forbidden'],
    [
      'another node',
      { runtimeClassName: 'machine', nodeSelector: { kvm: 'no' } },
      'RuntimeClassConflict',
      'spec.nodeSelector[kvm]: Forbidden',
    ],
    [
      'no known name',
      { runtimeClassName: 'nope' },
      'RuntimeClassNotFound',
      '"nope" not found; this node has the RuntimeClasses: machine, lost',
    ],
    ['no known handler', { runtimeClassName: 'lost' }, 'RuntimeClassNotFound', 'no runtime has the handler "gone"'],
  ])('with %s is refused', (_what, spec, reason, message) => {
    expect(runtimes.admit(makePod(spec)).refusal).toEqual({ reason, message: expect.stringContaining(message) });
  });

  it('without one it has the default runtime, and stays as it is', () => {
    const pod = makePod();
    expect(runtimes.admit(pod)).toEqual({ pod, client: client('runc') });
  });
});
