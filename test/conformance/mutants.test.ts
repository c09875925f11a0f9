import { criSuite, runCriSuite, type ServedImages, serveTestImages } from '@berth/conformance/cri';
import type { CaseReport } from '@berth/conformance/suite';
import { connect } from '@berth/sdk/connect';
import { ImageServiceService, PullImageRequest } from '@berth/sdk/cri';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { removeCgroups } from '../fixtures/cgroups.ts';
import { type CriServer, startShim } from '../fixtures/cri-servers.ts';
import { nodeMissing } from '../fixtures/node-requirements.ts';
import { type Mutation, startMutant } from './mutant-server.ts';
import { mutants } from './mutants.ts';

/** Each run has a parent of its own, which it removes at its end. */
let runs = 0;

describe('the CRI suite catches a server that', () => {
  let server: CriServer | undefined;
  let images: ServedImages | undefined;

  beforeAll(async () => {
    if (nodeMissing() !== undefined) return;
    server = await startShim('runc');
    images = await serveTestImages();
    // What is there before, no run pulls and removes.
    await pull(server.endpoint, images.references.shell ?? '');
  }, 60_000);

  afterAll(async () => {
    await images?.close();
    await server?.stop();
  }, 60_000);

  async function pull(endpoint: string, image: string): Promise<void> {
    const service = connect(ImageServiceService, endpoint);
    try {
      await service.pullImage(PullImageRequest.fromPartial({ image: { image } }));
    } finally {
      service.close();
    }
  }

  /** The cases of these ids, on our own server with this mutation. */
  async function judge(mutation: Mutation, ids: string[]): Promise<CaseReport[]> {
    if (!server || !images) throw new Error('no server was started');
    const mutant = await startMutant(server.endpoint, mutation);
    const cgroupParent = `/berth-mutants-${process.pid}-${runs++}`;
    try {
      const focus = new RegExp(`^(${ids.map((id) => id.replaceAll('.', '\\.')).join('|')})$`);
      const { references, publisher } = images;
      const target = { runtimeEndpoint: mutant.endpoint, images: references, publisher, cgroupParent, restart: () => mutant.restart() };
      return (await runCriSuite(target, { focus })).cases;
    } finally {
      await mutant.stop();
      removeCgroups(cgroupParent);
    }
  }

  it('breaks no rule: passes it', async ({ skip }) => {
    const missing = nodeMissing();
    if (missing !== undefined) skip(missing);
    const ids = mutants.map(({ caughtBy }) => caughtBy);
    const cases = await judge(() => ({}), ids);
    expect(cases.filter(({ result }) => result !== 'passed')).toEqual([]);
    expect(cases).toHaveLength(new Set(ids).size);
  });

  it.concurrent.for(mutants)('$breaks, by $caughtBy', async ({ caughtBy, saying, mutation }, { skip }) => {
    const missing = nodeMissing();
    if (missing !== undefined) skip(missing);
    expect(criSuite.cases.map(({ id }) => id)).toContain(caughtBy);
    const failed = (await judge(mutation, [caughtBy])).filter(({ result }) => result === 'failed');
    expect(failed).toMatchObject([{ id: caughtBy, reason: expect.stringContaining(saying) }]);
  });
});
