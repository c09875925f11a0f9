import type { Pod } from '@berth/api/objects';
import { describe, expect, it } from 'vitest';
import { verdictOf } from './verdict.ts';

type Fields = {
  restartPolicy?: 'Always' | 'OnFailure' | 'Never';
  phase?: string;
  ready?: boolean;
  restartCount?: number;
  exitCode?: number;
  message?: string;
};

function pod({ restartPolicy, phase, ready, restartCount = 0, exitCode, message }: Fields): Pod {
  const state = exitCode === undefined ? { running: {} } : { terminated: { exitCode } };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'p' },
    spec: { containers: [{ name: 'c' }], ...(restartPolicy && { restartPolicy }) },
    status: {
      ...(phase && { phase }),
      ...(message && { message }),
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
      containerStatuses: [{ name: 'c', image: 'i', imageID: '', ready: ready ?? false, restartCount, state }],
    },
  } as Pod;
}

describe('verdictOf', () => {
  it.each<[string, Fields, ReturnType<typeof verdictOf>]>([
    ['a pod that is to run has done its part once it is ready', { phase: 'Running', ready: true }, { state: 'done' }],
    ['until then it is pending', { phase: 'Pending' }, { state: 'pending' }],
    [
      'ready, but not without a restart, is a failure',
      { phase: 'Running', ready: true, restartCount: 1 },
      { state: 'failed', why: 'restarted: c' },
    ],
    ['a pod that is to end has done its part once it has succeeded', { restartPolicy: 'Never', phase: 'Succeeded' }, { state: 'done' }],
    ['ready is not enough for it', { restartPolicy: 'OnFailure', phase: 'Running', ready: true }, { state: 'pending' }],
    ['a restart is what OnFailure allows', { restartPolicy: 'OnFailure', phase: 'Succeeded', restartCount: 2 }, { state: 'done' }],
    [
      'a failed pod tells which container ended how',
      { restartPolicy: 'Never', phase: 'Failed', exitCode: 3 },
      { state: 'failed', why: 'pod failed: c exit code 3' },
    ],
    ['a refused pod tells why', { phase: 'Failed', message: 'no runtime' }, { state: 'failed', why: 'pod failed: no runtime' }],
  ])('%s', (_what, fields, expected) => {
    expect(verdictOf(pod(fields))).toEqual(expected);
  });
});
