import { type RunOptions, runSuite } from '../run-suite.ts';
import type { Report, Suite } from '../suite.ts';
import { containerCases } from './container-cases.ts';
import { execCases } from './exec-cases.ts';
import { imageCases } from './image-cases.ts';
import { runtimeCases } from './runtime-cases.ts';
import { sandboxCases } from './sandbox-cases.ts';
import { CriTarget, type CriTargetOptions } from './target.ts';

export type { CriTargetOptions } from './target.ts';

/** What a CRI server promises, whichever language it is written in. */
export const criSuite: Suite<CriTarget> = {
  name: 'cri',
  cases: [...runtimeCases, ...sandboxCases, ...containerCases, ...execCases, ...imageCases],
};

/** Judges the CRI server at `target.runtimeEndpoint`, which has the image, or can pull it. */
export async function runCriSuite(
  target: CriTargetOptions,
  options: Pick<RunOptions<CriTarget>, 'focus' | 'skip' | 'signal' | 'onCase'> = {},
): Promise<Report> {
  const connected = new CriTarget(target);
  try {
    await connected.ensureImage();
    return await runSuite(criSuite, { ...options, target: connected, targetName: target.runtimeEndpoint, coverage: connected.coverage });
  } finally {
    connected.client.close();
  }
}
