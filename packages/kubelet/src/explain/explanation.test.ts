import type { ContainerStatus, Pod } from '@berth/api/objects';
import { describe, expect, it } from 'vitest';
import { type ExplainedCase as Case, call, container, explanation, words } from '../../testing/explanation.ts';
import { exited, failed, instance, makePod, now, seconds, startMain } from '../../testing/observed-pod.ts';
import { defaultBackOff } from '../plan/back-off.ts';
import { explain } from './explanation.ts';

const withDevice = container({ resources: { limits: { 'vendor.example/gpu': '1' } } });

describe('where a pod is on its way', () => {
  it.each<[where: string, facts: Case, steps: string[]]>([
    [
      'devices that are asked for',
      { spec: withDevice, observed: { devicesPending: true, directories: 'unknown', sandboxes: [] } },
      ['admitted done', 'devices now', 'volumes waiting'],
    ],
    ['devices that are there', { spec: withDevice, observed: { directories: 'unknown', sandboxes: [] } }, ['devices done', 'volumes now']],
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
      'a device that the node has none of yet',
      { observed: { refusal: { reason: 'OutOfvendor.example/thing', message: 'Pod was rejected: too few' } } },
      'admitted',
      /^OutOfvendor\.example\/thing: Pod was rejected/,
      /whether the plugin for vendor\.example\/thing has registered: "berth node -o wide".*change the manifest/,
    ],
    [
      'an image that is nowhere',
      { observed: { images: {}, failures: failed(startMain, 'ErrImagePull') } },
      'main image',
      /^ErrImagePull: why; next try at 2026-11-21T12:00:10Z$/,
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
      'an image whose name is none',
      { spec: container({ image: 'Bad:Name::' }), observed: { images: {} } },
      'main image',
      /^InvalidImageName: Failed to apply default image tag "Bad:Name::"/,
      /^correct the image's name in the manifest$/,
    ],
    [
      'a runtime that can not be asked for an image',
      { observed: { images: {}, failures: failed({ kind: 'check-image', image: 'a:1' }, 'ImageInspectError') } },
      'main image',
      /^ImageInspectError: why/,
      /berth doctor/,
    ],
    [
      'an image volume whose image may not be pulled',
      { observed: { failures: failed(startMain, 'ErrImageNeverPull') } },
      'main image',
      /^ErrImageNeverPull: why/,
      /change imagePullPolicy/,
    ],
    [
      'a secret that is missing',
      { observed: { directories: 'unknown', sandboxes: [], failures: { prepare: secretMissing } } },
      'volumes',
      /secret "keys" not found/,
      /^write a Secret keys of the namespace default to a file among the manifests, or to one that the node is given by --objects$/,
    ],
    [
      'a secret whose file is refused',
      {
        observed: {
          directories: 'unknown',
          sandboxes: [],
          failures: { prepare: { ...secretMissing, message: 'secret "keys" not found: k.yaml:4: data[k]: Invalid value' } },
        },
      },
      'volumes',
      /secret "keys" not found: k\.yaml:4: data/,
      /^correct the file that the message names$/,
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
      'a device plugin that is not there',
      { spec: withDevice, observed: { devicesPending: true, failures: failed({ kind: 'allocate-devices' }, 'FailedAllocateDevices') } },
      'devices',
      /^FailedAllocateDevices: why/,
      /^start the device plugin of that resource/,
    ],
    [
      'too few devices',
      {
        observed: {
          refusal: { reason: 'UnexpectedAdmissionError', message: 'Pod was rejected: requested number of devices unavailable for x/y' },
        },
      },
      'admitted',
      /^UnexpectedAdmissionError: /,
      /^end a pod that has such a device, .*not started again$/,
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

  const liveness = container({ livenessProbe: { tcpSocket: { port: 80 } } });
  const refusedAnswer = { probe: 'liveness' as const, message: 'connection refused' };

  it.each<[situation: string, facts: Case, step: string, state: string, detail: string]>([
    [
      'is to stop it',
      { observed: { containers: [instance('main')], probes: { 'main-0': { started: true, ready: true, failed: refusedAnswer } } } },
      'ready',
      'failed',
      'its liveness probe failed as often as it may: connection refused; it is being stopped, and started again at once',
    ],
    [
      'is to stop it, not for the first time',
      {
        observed: {
          containers: [instance('main')],
          probes: { 'main-0': { started: true, ready: true, failed: refusedAnswer } },
          restartDelays: { main: { delayMs: 20_000, setAt: seconds(-60) } },
        },
      },
      'ready',
      'failed',
      'its liveness probe failed as often as it may: connection refused; it is being stopped, and started again 20 s after its end',
    ],
    [
      'has had it stopped',
      {
        observed: {
          containers: [exited('main', 137)],
          failedProbes: { 'main-0': refusedAnswer },
          restartDelays: { main: { delayMs: 20_000, setAt: seconds(-60) } },
        },
      },
      'running',
      'failed',
      'its liveness probe failed as often as it may: connection refused; it was stopped; it ended with exit code 137; the next start is due at 2026-11-21T12:00:15Z, the restart number 1',
    ],
    [
      'had the instance before stopped',
      {
        observed: { containers: [instance('main', { attempt: 1 }), exited('main', 137)], failedProbes: { 'main-0': refusedAnswer } },
      },
      'running',
      'done',
      'runs, after one restart: its liveness probe failed as often as it may: connection refused; it was stopped; it ended with exit code 137 (Error); read why: "berth logs default/pod -c main --previous"',
    ],
    [
      'has failed, and may yet succeed',
      {
        observed: { containers: [instance('main')] },
        answers: [{ container: 'main', probe: 'liveness', at: seconds(-3), result: 'failure', output: 'no' }],
      },
      'ready',
      'done',
      'as soon as it runs, but its liveness probe failed at 2026-11-21T11:59:57Z: no',
    ],
  ])('names the probe that %s', (_situation, facts, name, state, detail) => {
    const { steps } = explanation({ spec: liveness, ...facts });
    expect(steps.find((step) => step.name === name)).toMatchObject({ state, detail });
  });

  it('names the restarts and the last end of a container that runs again', () => {
    const again = explanation({
      observed: { containers: [instance('main', { attempt: 2 }), exited('main', 9, { attempt: 1 })], previous: previous({}) },
    });
    const detail = again.steps.find(({ name }) => name === 'running')?.detail;
    expect(detail).toBe('runs, after 2 restarts: it ended with exit code 9 (Error); read why: "berth logs default/pod -c main --previous"');
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

  it('of a pod that was ready before this kubelet saw it', () => {
    const { summary } = explanation({ observed: { containers: [instance('main')] } }, '2026-11-21T13:00:00Z');
    expect(summary).toBe('runs and is ready since 2026-11-21T12:00:00Z');
  });

  it('of a pod whose name another one has', () => {
    const pod: Pod = { ...makePod(), status: { phase: 'Pending' } };
    const facts = { pod, observed: undefined, trace: { records: [], open: [], sandboxIds: [] }, answers: [], backOff: defaultBackOff };
    const { summary, steps } = explain(facts, now);
    expect(summary).toContain('another pod of the name default/pod has not ended yet');
    expect(steps).toHaveLength(2);
  });
});
