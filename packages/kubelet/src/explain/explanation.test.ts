import type { Container, ContainerStatus, Pod, PodSpec } from '@berth/api/objects';
import type { CallRecord } from '@berth/sdk/call-record';
import { describe, expect, it } from 'vitest';
import { exited, failed, instance, makePod, now, observe, seconds, startMain } from '../../testing/observed-pod.ts';
import { defaultBackOff } from '../plan/back-off.ts';
import type { ObservedPod } from '../plan/observed-pod.ts';
import { plan } from '../plan.ts';
import { type Explanation, explain } from './explanation.ts';
import type { Facts } from './facts.ts';

interface Case extends Partial<Omit<Facts, 'pod' | 'observed'>> {
  spec?: Partial<PodSpec>;
  observed?: Partial<ObservedPod>;
}

/** The explanation of a pod whose status is what the planner makes of what was observed. */
function explanation({ spec, observed = {}, ...facts }: Case): Explanation {
  const all = observe(observed);
  const pod = makePod(spec);
  pod.metadata = { ...pod.metadata, creationTimestamp: '2026-11-21T11:00:00Z', annotations: { 'kubernetes.io/config.source': 'file' } };
  const { status } = plan(pod, all, now);
  const nothing = { trace: { records: [], open: [], sandboxIds: [] }, answers: [], backOff: defaultBackOff };
  return explain({ ...nothing, ...facts, pod: { ...pod, status }, observed: all }, now);
}

const words = ({ steps }: Explanation) => steps.map(({ name, container, state }) => `${container ? `${container} ` : ''}${name} ${state}`);

const call = (method: string, subject: string, more: Partial<CallRecord> = {}): CallRecord => ({
  traceId: 't',
  spanId: 's',
  protocol: 'cri',
  plugin: 'runc',
  method,
  subject,
  startedAt: seconds(-20).getTime(),
  durationMs: 12,
  outcome: 'OK',
  ...more,
});

const container = (more: Partial<Container> = {}): { containers: Container[] } => ({
  containers: [{ name: 'main', image: 'a:1', ...more }],
});

describe('where a pod is on its way', () => {
  it.each<[where: string, facts: Case, steps: string[]]>([
    ['volumes', { observed: { directories: 'unknown', sandboxes: [] } }, ['volumes now', 'sandbox waiting', 'main image done']],
    ['sandbox', { observed: { sandboxes: [], images: {} } }, ['volumes done', 'sandbox now', 'main image waiting']],
    ['image', { observed: { images: {} } }, ['sandbox done', 'main image now', 'main created waiting']],
    ['create', {}, ['main image done', 'main created now', 'main running waiting', 'main ready waiting']],
    ['start', { observed: { containers: [instance('main', { state: 'created' })] } }, ['main created done', 'main running now']],
    [
      'startup probe',
      {
        spec: container({ startupProbe: { tcpSocket: { port: 80 } } }),
        observed: { containers: [instance('main')], probes: { 'main-0': { started: false, ready: false } } },
      },
      ['main running done', 'main started now', 'main ready waiting'],
    ],
    [
      'readiness probe',
      {
        spec: container({ readinessProbe: { tcpSocket: { port: 80 } } }),
        observed: { containers: [instance('main')], probes: { 'main-0': { started: true, ready: false } } },
      },
      ['main running done', 'main ready now'],
    ],
    ['ready', { observed: { containers: [instance('main')] } }, ['main running done', 'main ready done']],
    [
      'init container',
      { spec: { initContainers: [{ name: 'first', image: 'a:1' }] }, observed: { containers: [instance('first')] } },
      ['first running done', 'first ended now', 'main image done', 'main created waiting'],
    ],
    [
      'second init container',
      {
        spec: { initContainers: ['first', 'second'].map((name) => ({ name, image: 'a:1' })) },
        observed: { containers: [exited('first', 0)] },
      },
      ['first ended done', 'second image done', 'second created now'],
    ],
    [
      'postStart hook',
      {
        spec: container({ lifecycle: { postStart: { exec: { command: ['x'] } } } }),
        trace: { records: [call('CreateContainer', 'main'), call('StartContainer', 'main')], open: [], sandboxIds: [] },
      },
      ['main created done', 'main running now', 'main ready waiting'],
    ],
  ])('%s', (_where, facts, steps) => {
    expect(words(explanation(facts)).join(', ')).toContain(steps.join(', '));
  });
});

describe('what would unblock it', () => {
  const previous = (status: Partial<ContainerStatus>) => ({
    containerStatuses: [{ name: 'main', image: 'a:1', imageID: '', ready: false, restartCount: 0, ...status }],
  });
  const secretMissing = {
    reason: 'FailedMount',
    message: 'MountVolume.SetUp failed for volume "k": secret "keys" not found',
    at: now,
    delayMs: 1000,
  };

  it.each<[trouble: string, facts: Case, failed: string, detail: RegExp, cure: RegExp]>([
    [
      'an image that is nowhere',
      { observed: { images: {}, failures: failed(startMain, 'ErrImagePull') } },
      'main image',
      /^ErrImagePull: why; tried again at 2026-11-21T12:00:10Z$/,
      /"berth image load FILE".*"berth image pull a:1"/,
    ],
    [
      'an image that may not be pulled',
      { spec: container({ imagePullPolicy: 'Never' }), observed: { images: { 'a:1': { present: false, checkedAt: now } } } },
      'main image',
      /^ErrImageNeverPull: Container image "a:1" is not present/,
      /load a:1 .*change imagePullPolicy/,
    ],
    [
      'a secret that is missing',
      { observed: { directories: 'unknown', sandboxes: [], failures: { prepare: secretMissing } } },
      'volumes',
      /secret "keys" not found/,
      /^write a Secret keys of the namespace default to a file/,
    ],
    [
      'a runtime that is down',
      {
        observed: {
          failures: { observe: { reason: 'RuntimeUnavailable', message: 'no answer on unix:///run/x.sock', at: now, delayMs: 9 } },
        },
      },
      'sandbox',
      /^RuntimeUnavailable/,
      /unix:\/\/\/run\/x\.sock/,
    ],
    [
      'a port that is taken',
      { observed: { refusal: { reason: 'NodePorts', message: 'Pod was rejected: default/web has port 80' } } },
      'admitted',
      /^NodePorts: .*default\/web/,
      /end the pod that has the port/,
    ],
    [
      'a label that the node has not got',
      {
        observed: {
          refusal: {
            reason: 'NodeAffinity',
            message: 'Pod was rejected: no, which --node-labels disk=hdd gives it',
          },
        },
      },
      'admitted',
      /^NodeAffinity: /,
      /^start the node with --node-labels disk=hdd, .*; or change the manifest/,
    ],
    [
      'something that the node has not got',
      { observed: { refusal: { reason: 'Unsupported', message: 'Pod was rejected: spec.os: no' } } },
      'admitted',
      /spec\.os/,
      /change the manifest/,
    ],
    [
      'a crash loop',
      { observed: { containers: [exited('main', 3)], restartDelays: { main: { delayMs: 20_000, setAt: seconds(-9) } } } },
      'main running',
      /^it ended with exit code 3; the next start is due at 2026-11-21T12:00:15Z, the restart number 1$/,
      /"berth logs default\/pod -c main"/,
    ],
    [
      'a probe that fails',
      {
        spec: container({ readinessProbe: { tcpSocket: { port: 80 }, periodSeconds: 7 } }),
        observed: { containers: [instance('main')], probes: { 'main-0': { started: true, ready: false } } },
        answers: [{ container: 'main', probe: 'readiness', at: seconds(-3), result: 'failure', output: 'statuscode: 503' }],
      },
      'main ready',
      /^its readiness probe failed at 2026-11-21T11:59:57Z: statuscode: 503 \(asked every 7 s\)$/,
      /"berth logs/,
    ],
    [
      'a container that failed for good',
      { spec: { restartPolicy: 'Never' }, observed: { containers: [exited('main', 2)] } },
      'main ended',
      /^ended with exit code 2 \(Error\)$/,
      /"berth logs/,
    ],
  ])('%s', (_trouble, facts, name, detail, cure) => {
    const { steps, summary } = explanation(facts);
    const step = steps.find(({ state }) => state === 'failed');
    expect([step?.container, step?.name].filter(Boolean).join(' ')).toBe(name);
    expect(step?.detail).toMatch(detail);
    expect(step?.cure).toMatch(cure);
    expect(summary).toContain(step?.detail);
  });

  it('names the restarts and the last end of a container that runs again', () => {
    const again = explanation({
      observed: { containers: [instance('main', { attempt: 2 }), exited('main', 9, { attempt: 1 })], previous: previous({}) },
    });
    const detail = again.steps.find(({ name }) => name === 'running')?.detail;
    expect(detail).toBe('runs, after 2 restarts: it ended with exit code 9 (Error); read why: "berth logs default/pod -c main --previous"');
  });
});

describe('the plugin call of a step', () => {
  it('that has not been answered is told with its beginning', () => {
    const { outcome: _outcome, durationMs: _durationMs, ...open } = call('RunPodSandbox', 'pod');
    const { steps, summary } = explanation({ observed: { sandboxes: [] }, trace: { records: [], open: [open], sandboxIds: [] } });
    const step = steps.find(({ name }) => name === 'sandbox');
    expect(step).toMatchObject({ state: 'now', since: '2026-11-21T11:59:40Z', call: { plugin: 'runc', method: 'RunPodSandbox' } });
    expect(step?.call).not.toHaveProperty('outcome');
    expect(summary).toMatch(/^is on its way: the pod, step sandbox: .*, for 20 s$/);
  });

  it('that was answered is told with its result and duration', () => {
    const pulled = call('PullImage', 'a:1', { outcome: 'NOT_FOUND', durationMs: 345, message: 'no such tag' });
    const { steps } = explanation({
      observed: { images: {}, failures: failed(startMain, 'ErrImagePull') },
      trace: { records: [pulled], open: [], sandboxIds: [] },
    });
    expect(steps.find(({ name }) => name === 'image')?.call).toMatchObject({
      durationMs: 345,
      outcome: 'NOT_FOUND',
      message: 'no such tag',
    });
  });

  it('says how long each step of a pod that runs took', () => {
    const records = [
      call('RunPodSandbox', 'pod', { durationMs: 80 }),
      call('PullImage', 'a:1', { durationMs: 500 }),
      call('StartContainer', 'main'),
    ];
    const { steps } = explanation({ observed: { containers: [instance('main')] }, trace: { records, open: [], sandboxIds: [] } });
    const took = Object.fromEntries(steps.map(({ name, tookMs }) => [name, tookMs]));
    expect(took).toMatchObject({ sandbox: 80, image: 500, running: 12 });
  });
});

describe('the whole in a sentence', () => {
  it.each<[Case, string]>([
    [{ observed: { containers: [instance('main')] } }, 'runs and is ready since 2026-11-21T12:00:00Z, 3600 s after it was seen'],
    [{ spec: { restartPolicy: 'Never' }, observed: { containers: [exited('main', 0)] } }, 'has ended: all of its containers succeeded'],
    [
      { observed: { containers: [instance('main')], deletion: { gracePeriodSeconds: 30 } } },
      'is ending: its containers have 30 s of grace',
    ],
    [
      { spec: { readinessGates: [{ conditionType: 'lb' }] }, observed: { containers: [instance('main')] } },
      'is not ready: corresponding condition of pod readiness gate "lb" does not exist.',
    ],
  ])('%#', (facts, summary) => {
    expect(explanation(facts).summary).toBe(summary);
  });

  it('of a pod whose name another one has', () => {
    const pod: Pod = { ...makePod(), status: { phase: 'Pending' } };
    const facts = { pod, observed: undefined, trace: { records: [], open: [], sandboxIds: [] }, answers: [], backOff: defaultBackOff };
    const { summary, steps } = explain(facts, now);
    expect(summary).toContain('another pod of the name default/pod has not ended yet');
    expect(steps).toHaveLength(2);
  });
});
