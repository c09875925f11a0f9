import { expect, it } from 'vitest';
import { makePod } from '../../testing/observed-pod.ts';
import type { AdmitHandler } from './admit-handler.ts';
import { PodAdmission } from './pod-admission.ts';

const takes: AdmitHandler = { admit: () => undefined };
const refuses = (reason: string): AdmitHandler => ({ admit: () => ({ reason, message: 'why' }) });

it('the first handler that refuses a pod says why', () => {
  const admission = new PodAdmission([takes, refuses('OutOfcpu'), refuses('NodePorts')]);
  expect(admission.admit({ pod: makePod(), others: [] })).toEqual({ reason: 'OutOfcpu', message: 'Pod was rejected: why' });
});

it('a pod that no handler refuses is taken', () => {
  expect(new PodAdmission([takes, takes]).admit({ pod: makePod(), others: [] })).toBeUndefined();
});
