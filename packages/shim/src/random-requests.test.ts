import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ContainerState, PullImageRequest } from '@berth/sdk/cri';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type RandomRpc, RawClient, requestsOf, rpcs } from '../testing/random-requests.ts';
import { image, TestShim } from '../testing/test-shim.ts';

const limitMs = 5000;
const runsOf = ({ name }: RandomRpc): number => (name === 'GetContainerEvents' ? 2 : 15);

let shim: TestShim;
let client: RawClient;
/** Ids of a pod and a container that are there: a request gets further with them. */
const known = { pod: '', container: '' };

const texts = fc.oneof(
  fc.constantFrom('', '.', '..', '../..', '../../outside/made', '/proc/berth/nothing', '%2e%2e%2f', '\0', 'a/b', '-', 'a', 'é\u202e', '\n'),
  fc.constantFrom('x'.repeat(10_000), 'f'.repeat(64), image, 'localhost:1/none', 'process', 'v1', '0-1', '10.0.0.0/8'),
  fc.constantFrom<keyof typeof known>('pod', 'container').map((kind) => known[kind]),
  fc.string({ unit: 'grapheme', maxLength: 20 }),
);

beforeAll(async () => {
  shim = await TestShim.start();
  mkdirSync(join(shim.directory, 'outside'));
  client = new RawClient(`unix://${shim.directory}/cri.sock`);
});

afterAll(async () => {
  client.close();
  await shim.close();
});

beforeEach(async () => {
  await shim.images.pullImage(PullImageRequest.fromPartial({ image: { image } }));
  for (const { id } of (await shim.runtime.listPodSandbox({ filter: undefined })).items) {
    await shim.runtime.removePodSandbox({ podSandboxId: id });
  }
  expect(shim.leftovers()).toEqual([]);
  known.pod = await shim.runPod();
  known.container = await shim.runContainer(known.pod);
});

/** What gets past the first checks: a pod with a name, and a container with a name and an image in a pod that is there. */
const rightParts: Record<string, (config: object) => object> = {
  RunPodSandbox: (config) => ({ config: { ...config, metadata: { name: randomUUID(), namespace: 'n', uid: 'u' } } }),
  CreateContainer: (config) => ({
    podSandboxId: known.pod,
    config: { ...config, metadata: { name: randomUUID() }, image: { image } },
  }),
};

/** Codes that name a fault of the request, or what isn't there; a command that is a directory may not be executed. */
const answers = ['OK', 'INVALID_ARGUMENT', 'NOT_FOUND', 'ALREADY_EXISTS', 'FAILED_PRECONDITION', 'PERMISSION_DENIED', 'UNIMPLEMENTED'];

/** Names in the directories that a path with too many dots would reach, but those of tests that run beside this one. */
const around = () =>
  [shim.directory, process.cwd(), dirname(process.cwd()), '/'].map((directory) =>
    readdirSync(directory).filter((name) => !name.startsWith('berth-')),
  );

async function expectAlive(): Promise<void> {
  expect((await shim.runtime.version({ version: 'v1' })).runtimeName).toBe('process');
  const pod = await shim.runPod({ metadata: { name: 'after', namespace: 'n', uid: 'u', attempt: 0 } });
  const container = await shim.runContainer(pod);
  expect((await shim.containerStatus(container)).state).toBe(ContainerState.CONTAINER_RUNNING);
  expect(shim.host.violations).toEqual([]);
}

describe('random requests', () => {
  it.each(rpcs)('$name answers whatever its fields hold', async (rpc) => {
    const before = around();
    await fc.assert(
      fc.asyncProperty(requestsOf(rpc.request, texts), async (request) => {
        const code = await client.call(rpc, request, rpc.name === 'GetContainerEvents' ? 200 : limitMs);
        const ending = rpc.name === 'GetContainerEvents' ? ['DEADLINE_EXCEEDED', 'CANCELLED'] : [];
        expect([...answers, ...ending]).toContain(code);
      }),
      { numRuns: runsOf(rpc) },
    );
    await expectAlive();
    expect(around()).toEqual(before);
    expect(existsSync(join(shim.directory, 'outside/made'))).toBe(false);
  });

  it.each(rpcs.filter(({ name }) => name in rightParts))(
    '$name with the right names answers whatever its other fields hold',
    async (rpc) => {
      const before = around();
      const change = ({ config, ...fields }: Record<string, unknown>) => ({ ...fields, ...rightParts[rpc.name]?.(Object(config)) });
      await fc.assert(
        fc.asyncProperty(requestsOf(rpc.request, texts, change), async (request) => {
          expect(['OK', 'INVALID_ARGUMENT', 'NOT_FOUND']).toContain(await client.call(rpc, request, limitMs));
        }),
        { numRuns: 60 },
      );
      await expectAlive();
      expect(around()).toEqual(before);
    },
  );

  it('bytes that are no message get an answer from every call', async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...rpcs), fc.uint8Array({ minLength: 1, maxLength: 300 }), async (rpc, bytes) => {
        expect(await client.call(rpc, bytes, rpc.streams ? 200 : limitMs)).not.toBe('none');
      }),
      { numRuns: 200 },
    );
    await expectAlive();
  });
});
