import type { Container, PodSpec } from '@berth/api/objects';
import { describe, expect, it } from 'vitest';
import { makePod } from '../../testing/observed-pod.ts';
import { leftOutFields } from './left-out-fields.ts';
import { unsupportedFields } from './unsupported-fields.ts';

const refusalOf = (spec: Partial<PodSpec>) => unsupportedFields.admit({ pod: makePod(spec), others: [] });

const main = (more: Partial<Container>): Partial<PodSpec> => ({ containers: [{ name: 'main', image: 'a:1', ...more }] });

describe('what a node refuses names the field', () => {
  it.each<[path: string, spec: Partial<PodSpec>]>([
    ['spec.volumes[0].nfs', { volumes: [{ name: 'v', nfs: { server: 's', path: '/' } }] }],
    [
      'spec.volumes[0].projected.sources[0].clusterTrustBundle',
      { volumes: [{ name: 'v', projected: { sources: [{ clusterTrustBundle: { name: 'b', path: 'b' } }] } }] },
    ],
    ['spec.containers[0].securityContext.procMount', main({ securityContext: { procMount: 'Unmasked' } })],
    ['spec.containers[0].securityContext.windowsOptions', main({ securityContext: { windowsOptions: {} } })],
  ])('%s', (path, spec) => {
    expect(refusalOf(spec)).toMatchObject({ reason: 'Unsupported', message: expect.stringContaining(`${path}: `) });
  });
});

it('a refusal explains the first field and names the others', () => {
  const refusal = refusalOf({
    schedulingGates: [{ name: 'g' }],
    ...main({ securityContext: { procMount: 'Unmasked' }, volumeDevices: [{ name: 'disk', devicePath: '/dev/disk' }] }),
  });
  expect(refusal?.message).toBe(
    "spec.schedulingGates: this node doesn't have an API that could lift scheduling gates yet (and 2 more: spec.containers[0].securityContext.procMount, spec.containers[0].volumeDevices)",
  );
});

describe('what a node leaves out is told', () => {
  it.each<[reason: string, spec: Partial<PodSpec>]>([
    ['StorageLimitsNotSupported', { volumes: [{ name: 'v', emptyDir: { sizeLimit: '1Gi' } }] }],
  ])('%s', (reason, spec) => {
    expect([refusalOf(spec), leftOutFields(makePod(spec)).map((warning) => warning.reason)]).toEqual([undefined, [reason]]);
  });
});

it('a plain pod is neither refused nor warned of', () => {
  const spec: Partial<PodSpec> = {
    hostUsers: false,
    ...main({ securityContext: { procMount: 'Unmasked' } }),
    volumes: [
      { name: 'v', emptyDir: {} },
      { name: 'h', hostPath: { path: '/' } },
      { name: 'c', configMap: { name: 'c' } },
      { name: 's', secret: { secretName: 's' } },
      { name: 'd', downwardAPI: {} },
      { name: 'p', projected: { sources: [{ serviceAccountToken: { path: 't' } }] } },
      { name: 'i', image: { reference: 'a:1' } },
      { name: 'm', emptyDir: { medium: 'HugePages-2Mi' } },
    ],
    ...main({ volumeMounts: [{ name: 'v', mountPath: '/v', subPath: 'a' }] }),
  };
  expect([refusalOf(spec), leftOutFields(makePod(spec))]).toEqual([undefined, []]);
});
