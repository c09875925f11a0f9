import { describe, expect, it } from 'vitest';
import { call, explanation } from '../../testing/explanation.ts';
import { failed, instance, seconds, startMain } from '../../testing/observed-pod.ts';
import type { ObservedPod } from '../plan/observed-pod.ts';

describe('the plugin call of a step', () => {
  it('that has not been answered is told with its beginning', () => {
    const { outcome: _outcome, durationMs: _durationMs, ...open } = call('RunPodSandbox', 'pod');
    const { steps, summary } = explanation({ observed: { sandboxes: [] }, trace: { records: [], open: [open], sandboxIds: [] } });
    const step = steps.find(({ name }) => name === 'sandbox');
    expect(step).toMatchObject({ state: 'now', since: '2026-11-21T11:59:40Z', call: { plugin: 'runc', method: 'RunPodSandbox' } });
    expect(step?.call).not.toHaveProperty('outcome');
    expect(summary).toMatch(/^is on its way: the pod, step sandbox: .*, for 20 s$/);
  });

  const openCall = (method: string, secondsAgo: number) => ({ plugin: 'runc', method, startedAt: seconds(-secondsAgo).getTime() });
  const unseen: Partial<ObservedPod> = { directories: 'unknown', sandboxes: [] };
  const runs = { containers: [instance('main')] };

  it.each<[method: string, secondsAgo: number, observed: Partial<ObservedPod>, step: string | undefined, summary: RegExp]>([
    [
      'ListPodSandbox',
      20,
      unseen,
      'volumes',
      /^is on its way: the pod, step volumes: the runtime runc has not answered ListPodSandbox since 2026-11-21T11:59:40Z, for 20 s$/,
    ],
    ['ListPodSandbox', 1, unseen, undefined, /making directories/],
    ['RunPodSandbox', 20, { sandboxes: [] }, 'sandbox', /step sandbox: the runtime runc has not answered RunPodSandbox since/],
    [
      'ListContainers',
      20,
      runs,
      undefined,
      /^runs and is ready since .*; the runtime runc has not answered ListContainers since 2026-11-21T11:59:40Z$/,
    ],
    ['StopContainer', 35, { ...runs, deletion: { gracePeriodSeconds: 30 } }, undefined, /^is ending: its containers have 30 s of grace$/],
    [
      'StopContainer',
      45,
      { ...runs, deletion: { gracePeriodSeconds: 30 } },
      undefined,
      /^is ending: .*; the runtime runc has not answered StopContainer since/,
    ],
    ['PullImage', 600, { images: {} }, undefined, /looking for a:1/],
  ])('%s that has not been answered for %i s', (method, secondsAgo, observed, name, summary) => {
    const trace = { records: [], open: [openCall(method, secondsAgo)], sandboxIds: [] };
    const explained = explanation({ observed, trace });
    expect(explained.summary).toMatch(summary);
    const held = explained.steps.filter(({ cure }) => cure?.includes('process of the runtime runc'));
    expect(held.map((step) => [step.name, step.call?.method])).toEqual(name ? [[name, method]] : []);
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
