import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arbitraryObject, arbitraryValue } from '../testing/arbitrary-object.ts';
import { defaultPod } from './defaults.ts';
import { readManifest } from './manifest.ts';
import type { Container, Pod, PodSpec, RuntimeClass } from './objects.ts';
import { formatFieldError } from './validation/field-error.ts';
import { validatePod, validateRuntimeClass } from './validation.ts';

const container: Container = { name: 'a', image: 'busybox:1' };
const podOf = (spec: Partial<PodSpec>): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'p' },
  spec: { containers: [container], ...spec },
});
const errorsOf = (pod: Pod) => validatePod(pod).map(formatFieldError);
const errorsOfSpec = (spec: Partial<PodSpec>) => errorsOf(podOf(spec));
const errorsOfContainer = (fields: Partial<Container>) => errorsOfSpec({ containers: [{ ...container, ...fields }] });

describe('validatePod', () => {
  it('accepts a minimal pod, with and without defaults', () => {
    expect(errorsOf(podOf({}))).toEqual([]);
    expect(errorsOf(defaultPod(podOf({ volumes: [{ name: 'v' }], hostNetwork: true })))).toEqual([]);
  });

  it('accepts the examples', () => {
    const folder = new URL('../../../examples/', import.meta.url);
    for (const name of readdirSync(folder).filter((each) => each.endsWith('.yaml'))) {
      const { objects, problems } = readManifest(readFileSync(new URL(name, folder), 'utf8'), name);
      expect(problems).toEqual([]);
      for (const { object } of objects) if (object.kind === 'Pod') expect(errorsOf(object as Pod)).toEqual([]);
    }
  });

  it('requires a name, a container, and the name and image of each', () => {
    expect(errorsOf({ apiVersion: 'v1', kind: 'Pod', spec: { containers: [] } })).toEqual([
      'metadata.name: Required value: name or generateName is required',
      'spec.containers: Required value',
    ]);
    expect(errorsOfSpec({ containers: [{ name: '' }] })).toEqual([
      'spec.containers[0].name: Required value',
      'spec.containers[0].image: Required value',
    ]);
  });

  it('finds a value of the wrong shape before any rule', () => {
    expect(errorsOf({ spec: { containers: 'a' } } as unknown as Pod)).toEqual(['spec.containers: must be a list']);
  });

  it.each<[string, Partial<PodSpec>, string]>([
    [
      'a container name',
      { containers: [{ ...container, name: 'A' }] },
      'spec.containers[0].name: Invalid value: "A": a lowercase RFC 1123 label',
    ],
    ['a repeated container name', { containers: [container, container] }, 'spec.containers[1].name: Duplicate value: "a"'],
    ['an init container of the same name', { initContainers: [container] }, 'spec.initContainers[0].name: Duplicate value: "a"'],
    [
      'a restart policy',
      { restartPolicy: 'Never ' as 'Never' },
      'spec.restartPolicy: Unsupported value: "Never ": supported values: "Always", "Never", "OnFailure"',
    ],
    [
      'a negative grace period',
      { terminationGracePeriodSeconds: -1 },
      'spec.terminationGracePeriodSeconds: Invalid value: -1: must be greater than or equal to 0',
    ],
    ['a runtime class name', { runtimeClassName: 'a_b' }, 'spec.runtimeClassName: Invalid value: "a_b": a lowercase RFC 1123 subdomain'],
    ['dnsPolicy None alone', { dnsPolicy: 'None' }, 'spec.dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None'],
    [
      'a fourth nameserver',
      { dnsConfig: { nameservers: ['1.1.1.1', '1.1.1.2', '1.1.1.3', '1.1.1.4'] } },
      'must not have more than 3 nameservers',
    ],
    [
      'shareProcessNamespace with hostPID',
      { hostPID: true, shareProcessNamespace: true },
      'spec.shareProcessNamespace: Invalid value: true: ShareProcessNamespace and HostPID cannot both be enabled',
    ],
    ['a host alias', { hostAliases: [{ ip: '1.2.3' }] }, 'spec.hostAliases[0].ip: Invalid value: "1.2.3": must be valid IP address'],
    ['a repeated volume', { volumes: [{ name: 'v' }, { name: 'v' }] }, 'spec.volumes[1].name: Duplicate value: "v"'],
    [
      'two sources of a volume',
      { volumes: [{ name: 'v', emptyDir: {}, hostPath: { path: '/a' } }] },
      'spec.volumes[0].hostPath: Forbidden: may not specify more than 1 volume type',
    ],
    [
      'a hostPath going up',
      { volumes: [{ name: 'v', hostPath: { path: '/a/../b' } }] },
      'spec.volumes[0].hostPath.path: Invalid value: "/a/../b": must not contain \'..\'',
    ],
    [
      'a file that leaves its volume',
      { volumes: [{ name: 'v', configMap: { name: 'c', items: [{ key: 'k', path: '../k' }] } }] },
      'spec.volumes[0].configMap.items[0].path: Invalid value: "../k": must not contain \'..\'',
    ],
    [
      'a file mode',
      { volumes: [{ name: 'v', secret: { secretName: 's', defaultMode: 512 } }] },
      'spec.volumes[0].secret.defaultMode: Invalid value: 512: must be a number between 0 and 0777 (octal), both inclusive',
    ],
    [
      'a toleration without key',
      { tolerations: [{ operator: 'Equal' }] },
      'spec.tolerations[0].operator: Invalid value: "Equal": operator must be Exists when `key` is empty',
    ],
    [
      'tolerationSeconds without NoExecute',
      { tolerations: [{ key: 'a', tolerationSeconds: 1 }] },
      'spec.tolerations[0].effect: Invalid value: "": effect must be \'NoExecute\' when `tolerationSeconds` is set',
    ],
    ['a node selector', { nodeSelector: { 'a b': 'c' } }, 'spec.nodeSelector: Invalid value: "a b": name part must consist of'],
    [
      'a pod affinity without topology',
      { affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: '' }] } } },
      'topologyKey: Required value: can not be empty',
    ],
    [
      'a user id',
      { securityContext: { runAsUser: -1 } },
      'spec.securityContext.runAsUser: Invalid value: -1: must be between 0 and 2147483647, inclusive',
    ],
    [
      'a localhost profile without a name',
      { securityContext: { seccompProfile: { type: 'Localhost' } } },
      'spec.securityContext.seccompProfile.localhostProfile: Required value',
    ],
    [
      'an ephemeral container of nothing',
      { ephemeralContainers: [{ name: 'e', image: 'i', targetContainerName: 'x' }] },
      'spec.ephemeralContainers[0].targetContainerName: Not found: "x"',
    ],
    [
      'ports of an ephemeral container',
      { ephemeralContainers: [{ name: 'e', image: 'i', ports: [{ containerPort: 1 }] }] },
      'spec.ephemeralContainers[0].ports: Forbidden: cannot be set for an Ephemeral Container',
    ],
    [
      'a restart policy of an ephemeral container',
      { ephemeralContainers: [{ name: 'e', image: 'i', restartPolicy: 'Always' }] },
      'spec.ephemeralContainers[0].restartPolicy: Forbidden: cannot be set for an Ephemeral Container',
    ],
    [
      'restart rules without a restart policy',
      { containers: [{ ...container, restartPolicyRules: [{ action: 'Restart', exitCodes: { operator: 'In', values: [1] } }] }] },
      'spec.containers[0].restartPolicy: Required value: must specify restartPolicy when restartPolicyRules is specified',
    ],
    [
      'an unknown action of a restart rule',
      { containers: [{ ...container, restartPolicy: 'Never', restartPolicyRules: [{ action: 'Stop', exitCodes: { operator: 'In' } }] }] },
      'spec.containers[0].restartPolicyRules[0].action: Unsupported value: "Stop": supported values: "Restart", "RestartAllContainers"',
    ],
    [
      'a restart rule without exit codes',
      { containers: [{ ...container, restartPolicy: 'Never', restartPolicyRules: [{ action: 'Restart' }] }] },
      'spec.containers[0].restartPolicyRules[0].exitCodes: Required value: must be specified',
    ],
    [
      'an unknown operator of a restart rule',
      {
        containers: [{ ...container, restartPolicy: 'Never', restartPolicyRules: [{ action: 'Restart', exitCodes: { operator: 'Is' } }] }],
      },
      'spec.containers[0].restartPolicyRules[0].exitCodes.operator: Unsupported value: "Is": supported values: "In", "NotIn"',
    ],
    [
      'the resizing of what cannot be resized',
      { containers: [{ ...container, resizePolicy: [{ resourceName: 'gpu', restartPolicy: 'NotRequired' }] }] },
      'spec.containers[0].resizePolicy: Unsupported value: "gpu": supported values: "cpu", "memory"',
    ],
    [
      'a restart for a new size in a pod that never restarts',
      {
        restartPolicy: 'Never',
        containers: [{ ...container, resizePolicy: [{ resourceName: 'cpu', restartPolicy: 'RestartContainer' }] }],
      },
      "spec.containers[0].resizePolicy: Invalid value: \"RestartContainer\": must be 'NotRequired' when `restartPolicy` is 'Never'",
    ],
    [
      'a probe of an init container',
      { initContainers: [{ name: 'i', image: 'i', readinessProbe: { exec: { command: ['a'] } } }] },
      'spec.initContainers[0].readinessProbe: Forbidden: may not be set for init containers without restartPolicy=Always',
    ],
    [
      'one host port twice',
      { containers: ['a', 'b'].map((name) => ({ ...container, name, ports: [{ containerPort: 80, hostPort: 80 }] })) },
      'spec.containers[1].ports[0].hostPort: Duplicate value: "TCP//80"',
    ],
  ])('refuses %s', (_, spec, message) => {
    expect(errorsOfSpec(spec)).toEqual([expect.stringContaining(message)]);
  });

  it.each<[string, Partial<Container>, string]>([
    ['an image with spaces around', { image: ' a' }, 'image: Invalid value: " a": must not have leading or trailing whitespace'],
    [
      'a port out of range',
      { ports: [{ containerPort: 65536 }] },
      'ports[0].containerPort: Invalid value: 65536: must be between 1 and 65535, inclusive',
    ],
    [
      'a port name',
      { ports: [{ containerPort: 1, name: '80' }] },
      'ports[0].name: Invalid value: "80": must contain at least one letter (a-z)',
    ],
    ['a variable name', { env: [{ name: 'a=b' }] }, 'env[0].name: Invalid value: "a=b": a valid environment variable name'],
    [
      'a value from two places',
      { env: [{ name: 'a', value: 'x', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }] },
      'env[0].valueFrom: Invalid value: "": may not be specified when `value` is not empty',
    ],
    [
      'a field that pods lack',
      { env: [{ name: 'a', valueFrom: { fieldRef: { fieldPath: 'spec.x' } } }] },
      'env[0].valueFrom.fieldRef.fieldPath: Unsupported value: "spec.x": supported values: "metadata.name"',
    ],
    ['an envFrom of nothing', { envFrom: [{}] }, 'envFrom[0]: Invalid value: "": must specify one of: `configMapRef` or `secretRef`'],
    [
      'a request over its limit',
      { resources: { requests: { cpu: '2' }, limits: { cpu: '1500m' } } },
      'resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1500m',
    ],
    [
      'a negative limit',
      { resources: { limits: { memory: '-1' } } },
      'resources.limits[memory]: Invalid value: "-1": must be greater than or equal to 0',
    ],
    [
      'an unknown resource',
      { resources: { limits: { gpu: 1 } } },
      'resources.limits[gpu]: Invalid value: "gpu": must be a standard resource for containers',
    ],
    [
      'a part of a device',
      { resources: { limits: { 'nvidia.com/gpu': '500m' } } },
      'resources.limits[nvidia.com/gpu]: Invalid value: "500m": must be an integer',
    ],
    [
      'a device request without limit',
      { resources: { requests: { 'nvidia.com/gpu': 1 } } },
      'resources.limits: Required value: Limit must be set for non overcommitable resources',
    ],
    [
      'a resource of a name that every object has',
      { resources: { requests: { toString: 1 } } },
      'resources.requests[toString]: Invalid value: "toString": must be a standard resource for containers',
    ],
    ['huge pages alone', { resources: { limits: { 'hugepages-2Mi': '4Mi' } } }, 'resources: Forbidden: HugePages require cpu or memory'],
    ['a mount of no volume', { volumeMounts: [{ name: 'v', mountPath: '/v' }] }, 'volumeMounts[0].name: Not found: "v"'],
    ['a probe without handler', { livenessProbe: {} }, 'livenessProbe: Required value: must specify a handler type'],
    [
      'a probe with two handlers',
      { livenessProbe: { exec: { command: ['a'] }, tcpSocket: { port: 1 } } },
      'livenessProbe.tcpSocket: Forbidden: may not specify more than 1 handler type',
    ],
    [
      'a liveness probe that asks twice',
      { livenessProbe: { exec: { command: ['a'] }, successThreshold: 2 } },
      'livenessProbe.successThreshold: Invalid value: 2: must be 1',
    ],
    [
      'a hook that sleeps past the grace period',
      { lifecycle: { preStop: { sleep: { seconds: 31 } } } },
      'lifecycle.preStop.sleep: Invalid value: 31: must be non-negative and less than terminationGracePeriodSeconds (30)',
    ],
    [
      'privileged without escalation',
      { securityContext: { privileged: true, allowPrivilegeEscalation: false } },
      'securityContext: Invalid value: {"privileged":true,"allowPrivilegeEscalation":false}: cannot set `allowPrivilegeEscalation` to false',
    ],
  ])('refuses %s in a container', (_, fields, message) => {
    expect(errorsOfContainer(fields)).toEqual([expect.stringContaining(`spec.containers[0].${message}`)]);
  });

  it('refuses mounts that share a path, leave their volume or propagate without privilege', () => {
    const mount = { name: 'v', mountPath: '/v' };
    const errors = errorsOfSpec({
      volumes: [{ name: 'v' }],
      containers: [
        {
          ...container,
          volumeMounts: [
            { ...mount, subPath: '../x' },
            { ...mount, mountPropagation: 'Bidirectional' },
          ],
        },
      ],
    });
    expect(errors).toEqual([
      'spec.containers[0].volumeMounts[0].subPath: Invalid value: "../x": must not contain \'..\'',
      'spec.containers[0].volumeMounts[1].mountPropagation: Forbidden: Bidirectional mount propagation is available only to privileged containers',
      'spec.containers[0].volumeMounts[1].mountPath: Invalid value: "/v": must be unique',
    ]);
  });

  it('checks names, labels and annotations of the metadata', () => {
    const metadata = { name: 'A', namespace: 'a.b', labels: { 'x/y/z': 'v', ok: 'a b' }, annotations: { big: 'x'.repeat(256 * 1024) } };
    expect(errorsOf({ ...podOf({}), metadata }).map((error) => error.slice(0, 50))).toEqual([
      expect.stringContaining('metadata.name: Invalid value: "A"'),
      expect.stringContaining('metadata.namespace: Invalid value: "a.b"'),
      expect.stringContaining('metadata.labels: Invalid value: "x/y/z"'),
      expect.stringContaining('metadata.labels[ok]: Invalid value: "a b"'),
      expect.stringContaining('metadata.annotations: Too long'),
    ]);
    expect(errorsOf({ ...podOf({}), metadata: { generateName: 'a-' } })).toEqual([]);
  });

  it('never throws and gives every error a path and a message, whatever the Pod', () => {
    const anything = fc.oneof(
      arbitraryObject('v1', 'Pod'),
      fc.record({ metadata: arbitraryValue, spec: arbitraryValue }),
      fc.record({ metadata: fc.constant({ name: 'p' }), spec: fc.record({ containers: fc.array(arbitraryValue) }) }),
      arbitraryValue,
      fc.anything(),
    );
    fc.assert(
      fc.property(anything, (pod) => {
        for (const { message } of validatePod(pod as Pod)) expect(message).not.toBe('');
      }),
      { numRuns: 300 },
    );
  });
});

describe('validateRuntimeClass', () => {
  const runtimeClass: RuntimeClass = { apiVersion: 'node.k8s.io/v1', kind: 'RuntimeClass', metadata: { name: 'vm' }, handler: 'vm' };

  it('accepts a handler with overhead and scheduling', () => {
    expect(
      validateRuntimeClass({
        ...runtimeClass,
        overhead: { podFixed: { memory: '64Mi' } },
        scheduling: { nodeSelector: { a: 'b' }, tolerations: [{ operator: 'Exists' }] },
      }),
    ).toEqual([]);
  });

  it('refuses a missing handler, one that is no label, and a negative overhead', () => {
    expect(validateRuntimeClass({ ...runtimeClass, handler: '' }).map(formatFieldError)).toEqual(['handler: Required value']);
    expect(validateRuntimeClass({ ...runtimeClass, handler: 'a.b' })[0]?.path).toBe('handler');
    expect(validateRuntimeClass({ ...runtimeClass, overhead: { podFixed: { cpu: '-1' } } })[0]?.path).toBe('overhead.podFixed[cpu]');
  });
});
