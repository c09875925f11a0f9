import type { Node, Pod, PodSpec } from '@berth/api/objects';
import { describe, expect, it } from 'vitest';
import { makePod } from '../../testing/observed-pod.ts';
import type { AdmitHandler } from './admit-handler.ts';
import { nodeAffinityHandler } from './node-affinity.ts';
import { nodeNameHandler } from './node-name.ts';
import { podOsHandler } from './pod-os.ts';
import { taintTolerationHandler } from './taint-toleration.ts';

const node: Node = {
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name: 'here', labels: { 'kubernetes.io/os': 'linux', disk: 'ssd' } },
  spec: {
    taints: [
      { key: 'broken', effect: 'NoExecute' },
      { key: 'slow', effect: 'NoSchedule' },
    ],
  },
};
const [affinity, name, taints, os] = [
  nodeAffinityHandler(() => node),
  nodeNameHandler('here'),
  taintTolerationHandler(() => node),
  podOsHandler(() => node),
];

const reason = (handler: AdmitHandler, pod: Pod) => handler.admit({ pod, others: [] })?.reason;
const requiring = (key: string): PodSpec['affinity'] => ({
  nodeAffinity: {
    requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions: [{ key, operator: 'Exists' }] }] },
  },
});

describe('a pod that the node is not right for is refused', () => {
  it.each<[rule: string, handler: AdmitHandler, spec: Partial<PodSpec>, reason: string]>([
    ['a nodeSelector that its labels do not match', affinity, { nodeSelector: { disk: 'hdd' } }, 'NodeAffinity'],
    ['a required affinity to labels that it does not have', affinity, { affinity: requiring('gpu') }, 'NodeAffinity'],
    ['the name of another node', name, { nodeName: 'there' }, 'NodeName'],
    ['a taint NoExecute that it does not tolerate', taints, {}, 'TaintToleration'],
    ['another operating system', os, { os: { name: 'windows' } }, 'PodOSNotSupported'],
  ])('for %s', (_rule, handler, spec, expected) => {
    expect(reason(handler, makePod(spec))).toBe(expected);
  });

  it('for the label of another operating system', () => {
    const pod = makePod();
    expect(reason(os, { ...pod, metadata: { ...pod.metadata, labels: { 'kubernetes.io/os': 'windows' } } })).toBe(
      'PodOSSelectorNodeLabelDoesNotMatch',
    );
  });
});

describe('the refusal of a pod names the labels that are missing, and how a node gets them', () => {
  const terms = (...keys: string[][]): PodSpec['affinity'] => ({
    nodeAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: {
        nodeSelectorTerms: keys.map((term) => ({ matchExpressions: term.map((key) => ({ key, operator: 'Exists' })) })),
      },
    },
  });
  const wanting = (operator: 'In' | 'NotIn' | 'DoesNotExist' | 'Gt', values?: string[]): PodSpec['affinity'] => ({
    nodeAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: {
        nodeSelectorTerms: [{ matchExpressions: [{ key: 'disk', operator, ...(values && { values }) }] }],
      },
    },
  });

  it.each<[what: string, spec: Partial<PodSpec>, message: string]>([
    ['in a selector', { nodeSelector: { disk: 'hdd', 'kubernetes.io/os': 'linux' } }, 'disk=hdd, which --node-labels disk=hdd'],
    ['in selector and affinity', { nodeSelector: { a: 'b' }, affinity: terms(['gpu', 'disk']) }, 'a=b, gpu, which --node-labels a=b,gpu='],
    ['in the first of several terms', { affinity: terms(['gpu'], ['tpu']) }, 'gpu, which --node-labels gpu='],
    ['that has to be one of several', { affinity: wanting('In', ['hdd', 'nvme']) }, 'disk in (hdd,nvme), which --node-labels disk=hdd'],
    ['that may not be one of several', { affinity: wanting('NotIn', ['ssd']) }, 'disk notin (ssd)'],
    ['that may not be', { affinity: wanting('DoesNotExist') }, '!disk'],
    ['that has to be greater', { affinity: wanting('Gt', ['4']) }, 'disk > 4'],
  ])('%s', (_what, spec, message) => {
    const text = affinity.admit({ pod: makePod(spec), others: [] })?.message;
    expect(text?.replace(/ gives it$/, '')).toBe(
      `Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector: the node's labels don't have ${message}`,
    );
  });
});

describe('a pod that the node is right for is taken', () => {
  it.each<[rule: string, handler: AdmitHandler, spec: Partial<PodSpec>]>([
    ['with a nodeSelector that its labels match', affinity, { nodeSelector: { disk: 'ssd' } }],
    ['with a required affinity to labels that it has', affinity, { affinity: requiring('disk') }],
    ['with its name', name, { nodeName: 'here' }],
    ['with a toleration of its taint', taints, { tolerations: [{ key: 'broken', operator: 'Exists' }] }],
    ['for Linux', os, { os: { name: 'linux' } }],
  ])('%s', (_rule, handler, spec) => {
    expect(reason(handler, makePod(spec))).toBeUndefined();
  });

  it("without a toleration where it is the node's own", () => {
    const pod = makePod();
    const own = { ...pod, metadata: { ...pod.metadata, annotations: { 'kubernetes.io/config.source': 'file' } } };
    expect(reason(taints, own)).toBeUndefined();
  });
});
