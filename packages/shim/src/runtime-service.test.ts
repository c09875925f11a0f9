import { PluginError } from '@berth/sdk/errors';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CriModel } from '../testing/cri-model.ts';
import { containerConfig, podConfig, TestShim } from '../testing/test-shim.ts';

type Method = Exclude<keyof CriModel, 'made'> & string;
type Fields = Record<string, unknown>;

interface Step {
  method: Method | 'restart';
  /** With a `Made` in the place of an id. */
  request: Fields;
}

/** Names an object that was made, perhaps gone by then, by its id or the first digits of it. */
class Made {
  readonly kind: 'sandbox' | 'container';
  readonly index: number;
  readonly digits: number;

  constructor(kind: 'sandbox' | 'container', index: number, digits: number) {
    this.kind = kind;
    this.index = index;
    this.digits = digits;
  }
}

const malformed = fc.oneof(fc.constantFrom('', '.', '../..', '/etc/passwd', 'f'.repeat(64)), fc.string({ unit: 'binary' }), fc.string());
const name = fc.constantFrom('a', 'b', 'c', 'd', '', '../a', 'ü\n');
const podSandboxId = reference('sandbox');
const containerId = reference('container');

const anyStep: fc.Arbitrary<Step> = fc.oneof(
  step(4, 'runPodSandbox', {
    config: name.map((chosen) => podConfig({ metadata: { name: chosen, namespace: 'n', uid: 'u' } })),
    runtimeHandler: fc.constantFrom('', '', '', 'process', 'kata'),
  }),
  step(1, 'stopPodSandbox', { podSandboxId }),
  step(1, 'removePodSandbox', { podSandboxId }),
  step(2, 'podSandboxStatus', { podSandboxId, verbose: fc.boolean() }),
  step(2, 'listPodSandbox', { filter: fc.record({ id: podSandboxId, state: state(0, 1, 7), labelSelector: fc.constant({}) }) }),
  step(6, 'createContainer', {
    podSandboxId,
    config: fc
      .record({ chosen: name, absent: fc.constantFrom(false, false, true) })
      .map(({ chosen, absent }) => containerConfig({ metadata: { name: chosen }, ...(absent && { image: { image: 'absent:1' } }) })),
  }),
  step(6, 'startContainer', { containerId }),
  step(2, 'stopContainer', { containerId, timeout: fc.constant(0n) }),
  step(1, 'removeContainer', { containerId }),
  step(3, 'containerStatus', { containerId, verbose: fc.boolean() }),
  step(3, 'listContainers', {
    filter: fc.record({ id: containerId, podSandboxId, state: state(0, 1, 2, 9), labelSelector: fc.constant({}) }),
  }),
  step(1, 'restart', {}),
);

function step(weight: number, method: Step['method'], fields: Record<string, fc.Arbitrary<unknown>>): fc.WeightedArbitrary<Step> {
  return { weight, arbitrary: fc.record({ method: fc.constant(method), request: fc.record(fields) }) };
}

function reference(kind: Made['kind']): fc.Arbitrary<Made | string> {
  const made = fc.tuple(fc.nat(7), fc.constantFrom(64, 12)).map(([index, digits]) => new Made(kind, index, digits));
  return fc.oneof({ weight: 8, arbitrary: made }, { weight: 1, arbitrary: malformed });
}

function state(...states: number[]): fc.Arbitrary<object | undefined> {
  return fc.constantFrom(undefined, ...states.map((value) => ({ state: value })));
}

/** Enough for the random steps to have something to work on. */
const prelude: Step[] = ['x', 'y'].flatMap((chosen, index) => [
  { method: 'runPodSandbox', request: { config: podConfig({ metadata: { name: chosen, namespace: 'n', uid: 'u' } }), runtimeHandler: '' } },
  { method: 'createContainer', request: { podSandboxId: new Made('sandbox', index, 64), config: containerConfig() } },
]);

/** The request with ids in it. */
function resolved(fields: Fields, made: CriModel['made']): Fields {
  return Object.fromEntries(
    Object.entries(fields).map(([key, value]) => {
      if (value instanceof Made) return [key, idOf(value, made[value.kind])];
      return [key, key === 'filter' ? resolved(value as Fields, made) : value];
    }),
  );
}

function idOf({ index, digits }: Made, ids: string[]): string {
  return (ids[index % ids.length] ?? '').slice(0, digits);
}

interface Answer {
  code: string;
  response?: object;
}

async function answerOf(work: () => object | Promise<object>): Promise<Answer> {
  try {
    return { code: 'OK', response: await work() };
  } catch (error) {
    return { code: PluginError.from(error).code };
  }
}

describe('random sequences of CRI calls', () => {
  let shim: TestShim;

  beforeEach(async () => {
    shim = await TestShim.start();
  });

  afterEach(() => shim.close());

  async function take({ method, request }: Step, model: CriModel): Promise<void> {
    if (method === 'restart') return shim.restart();
    const full = resolved(request, model.made);
    const client = shim.runtime as unknown as Record<Method, (request: Fields) => Promise<object>>;
    const answer = await answerOf(() => client[method](full));
    const expected = await answerOf(() => model[method](full as never, answer.response as never));
    expect({ method, ...answer }).toMatchObject({ method, ...expected });
  }

  it('answer as the model of the states does, whatever they name, and leave nothing once all is removed', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyStep, { minLength: 5, maxLength: 25 }), async (steps) => {
        const model = new CriModel();
        try {
          for (const each of [...prelude, ...steps]) {
            await take(each, model);
            await take({ method: 'listPodSandbox', request: {} }, model);
            await take({ method: 'listContainers', request: {} }, model);
          }
        } finally {
          const { items } = await shim.runtime.listPodSandbox({ filter: undefined });
          for (const { id } of items) await shim.runtime.removePodSandbox({ podSandboxId: id });
        }
        expect(shim.leftovers()).toEqual([]);
        expect(shim.host.violations).toEqual([]);
      }),
      { numRuns: 25, interruptAfterTimeLimit: 15_000 },
    );
  });
});
