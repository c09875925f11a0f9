import { parseNetworkConfig } from '@berth/sdk/cni/config';
import type { NetworkStatus } from '@berth/sdk/cni/runner';
import { CniError } from '@berth/sdk/cni/types';
import { expect, it } from 'vitest';
import { NetworkReadiness } from './network-readiness.ts';

const network = (name: string) => parseNetworkConfig(JSON.stringify({ cniVersion: '1.1.0', name, plugins: [{ type: 'any' }] }), 'test');
const ready: NetworkStatus = { condition: 'ready' };
const unavailable: NetworkStatus = { condition: 'unavailable', error: new CniError(50, 'daemon is down') };

/** Plugins that answer as the test says, call by call. */
function plugins(...answers: (NetworkStatus | Error | Promise<NetworkStatus>)[]) {
  const asked: string[] = [];
  const ask = async ({ name }: { name: string }): Promise<NetworkStatus> => {
    asked.push(name);
    const answer = answers.shift() ?? ready;
    if (answer instanceof Error) throw answer;
    return answer;
  };
  return { ask, asked };
}

it('asks once while the answer is fresh, and anew for another configuration', async () => {
  const { ask, asked } = plugins(unavailable, ready);
  const readiness = new NetworkReadiness(ask);
  expect((await readiness.problem(network('one')))?.message).toBe('daemon is down');
  expect((await readiness.problem(network('one')))?.message).toBe('daemon is down');
  expect(await readiness.problem(network('two'))).toBeUndefined();
  expect(asked).toEqual(['one', 'two']);
});

it('asks again for an answer that is old, and tells what goes wrong', async () => {
  const { ask, asked } = plugins(ready, new Error('no such executable'));
  const readiness = new NetworkReadiness(ask, { freshMs: 0 });
  expect(await readiness.problem(network('one'))).toBeUndefined();
  expect((await readiness.problem(network('one')))?.message).toBe('no such executable');
  expect(asked).toHaveLength(2);
});

it('waits a moment only: the last answer counts on, and where there is none the network is not ready', async () => {
  const late = Promise.withResolvers<NetworkStatus>();
  const { ask, asked } = plugins(late.promise);
  const readiness = new NetworkReadiness(ask, { patienceMs: 10 });
  const message = "CNI network one: its plugins haven't answered STATUS within 0.01 s";
  expect((await readiness.problem(network('one')))?.message).toBe(message);
  expect((await readiness.problem(network('one')))?.message).toBe(message);
  late.resolve(ready);
  await late.promise;
  expect(await readiness.problem(network('one'))).toBeUndefined();
  expect(asked).toEqual(['one']);
});
