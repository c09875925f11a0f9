import type { Explanation } from '@berth/kubelet/explanation';
import { expect, it } from 'vitest';
import { explanationLines } from './explanation-lines.ts';

const plain = (text: string) => text;
const options = { now: new Date('2026-11-21T12:00:00Z'), width: 72, colours: { green: plain, yellow: plain, red: plain, dim: plain } };

const explanation: Explanation = {
  pod: 'default/web',
  phase: 'Pending',
  summary: 'is not ready: container main, step image: no such image',
  steps: [
    { name: 'sandbox', state: 'done', since: '2026-11-21T11:58:00Z', tookMs: 82.04, detail: 'made by runc, address 10.0.0.2' },
    {
      name: 'image',
      container: 'main',
      state: 'failed',
      since: '2026-11-21T11:59:50Z',
      detail: 'ErrImagePull: no such image; next try at 2026-11-21T12:00:10Z',
      call: { plugin: 'runc', method: 'PullImage', startedAt: '2026-11-21T11:59:50Z', durationMs: 1234, outcome: 'NOT_FOUND' },
      cure: 'load it with "berth image load FILE"',
    },
    { name: 'created', container: 'main', state: 'waiting', detail: 'its turn has not come' },
  ],
};

it('tells each step on a line, and of what holds it up the call and the cure below', () => {
  expect(explanationLines(explanation, options)).toEqual([
    'pod default/web is not ready: container main, step image: no such image',
    '',
    '  ✓ sandbox        done     made by runc, address 10.0.0.2 (2m ago, took',
    '                            82.0 ms)',
    '  ✗ main: image    failed   ErrImagePull: no such image; next try at',
    '                            2026-11-21T12:00:10Z (failed 10s ago)',
    '                            last call: PullImage of runc, NOT_FOUND',
    '                            after 1.2 s',
    '                            → load it with "berth image load FILE"',
    '  · main: created  waiting  its turn has not come',
  ]);
});

it('says of a call that has not been answered', () => {
  const call = { plugin: 'runc', method: 'RunPodSandbox', startedAt: '2026-11-21T11:59:50Z' };
  const steps = [{ name: 'sandbox' as const, state: 'now' as const, detail: 'it is being made', call }];
  expect(explanationLines({ ...explanation, steps }, { ...options, width: 120 }).at(-1)).toContain(
    'last call: RunPodSandbox of runc, which has not',
  );
});
