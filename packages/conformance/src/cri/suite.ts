import { type RunOptions, runSuite } from '../run-suite.ts';
import type { Case, Report, Suite } from '../suite.ts';
import { containerCases } from './container-cases.ts';
import { execCases } from './exec-cases.ts';
import { imageCases } from './image-cases.ts';
import { runtimeCases } from './runtime-cases.ts';
import { sandboxCases } from './sandbox-cases.ts';
import { CriTarget, type CriTargetOptions } from './target.ts';
import { serveTestImages } from './test-images.ts';

export { needNames } from './needs.ts';
export type { CriTargetOptions } from './target.ts';
export { type ImageName, type ImageReferences, imageNames } from './test-images.ts';

const cases: Case<CriTarget>[] = [...runtimeCases, ...sandboxCases, ...containerCases, ...execCases, ...imageCases];

/** What a CRI server promises, whichever language it is written in. */
export const criSuite: Suite<CriTarget> = { name: 'cri', title: 'CRI v1', cases };

export type CriRunOptions = Pick<RunOptions<CriTarget>, 'focus' | 'skip' | 'parallel' | 'signal' | 'onStart' | 'onCase'>;

const defaultParallel = 4;

/**
 * Judges the CRI server at `target.runtimeEndpoint`. Where no images are mapped, the suite builds its own and serves them
 * from a registry on loopback for the time of the run. Throws if the server doesn't answer; a failed case is in the report.
 */
export async function runCriSuite(options: CriTargetOptions, run: CriRunOptions = {}): Promise<Report> {
  const served = options.images ? undefined : await serveTestImages(options.busybox);
  try {
    const target = await CriTarget.open(options, served?.references ?? options.images ?? {});
    try {
      const targetName = options.runtimeEndpoint;
      return await runSuite(criSuite, { parallel: defaultParallel, ...run, target, targetName, coverage: () => target.coverage() });
    } finally {
      await target.close();
    }
  } finally {
    await served?.close();
  }
}
