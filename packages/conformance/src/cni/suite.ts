import { runSuite, type SuiteOptions } from '../run-suite.ts';
import type { Case, Report, Suite } from '../suite.ts';
import { addCases } from './cases/add-cases.ts';
import { chainCases } from './cases/chain-cases.ts';
import { checkCases } from './cases/check-cases.ts';
import { crashCases } from './cases/crash-cases.ts';
import { delCases } from './cases/del-cases.ts';
import { delegationCases } from './cases/delegation-cases.ts';
import { environmentCases } from './cases/environment-cases.ts';
import { errorCases } from './cases/error-cases.ts';
import { executionCases } from './cases/execution-cases.ts';
import { gcCases } from './cases/gc-cases.ts';
import { inputCases } from './cases/input-cases.ts';
import { resultCases } from './cases/result-cases.ts';
import { statusCases } from './cases/status-cases.ts';
import { versionCases } from './cases/version-cases.ts';
import type { JudgedPluginOptions } from './judged-plugin.ts';
import { CniTarget } from './target.ts';

export type { JudgedPluginOptions as CniTargetOptions } from './judged-plugin.ts';
export { type PluginKind, pluginKinds } from './kind.ts';

const cases: Case<CniTarget>[] = [
  ...versionCases,
  ...environmentCases,
  ...inputCases,
  ...errorCases,
  ...executionCases,
  ...resultCases,
  ...addCases,
  ...delegationCases,
  ...chainCases,
  ...delCases,
  ...checkCases,
  ...gcCases,
  ...statusCases,
  ...crashCases,
];

/** What a CNI plugin promises, whichever language it is written in. */
export const cniSuite: Suite<CniTarget> = { name: 'cni', title: 'CNI 1.1.0', cases };

export type CniRunOptions = SuiteOptions<CniTarget>;

const defaultParallel = 8;

/**
 * Judges a CNI plugin, on hosts that are namespaces: the real one stays as it is. Needs root. Throws where the plugin can't be executed or
 * tells no version; a failed case is in the report, and so are processes that the plugin left behind.
 */
export async function runCniSuite(options: JudgedPluginOptions, run: CniRunOptions = {}): Promise<Report> {
  const { timeFactor } = run;
  const target = await CniTarget.open({ ...options, ...(timeFactor !== undefined && { timeFactor }) });
  let left: string | undefined;
  let report: Report;
  try {
    const coverage = () => target.coverage.report();
    report = await runSuite(cniSuite, { parallel: defaultParallel, ...run, target, targetName: options.plugin, coverage });
  } finally {
    left = await target.close();
  }
  return left === undefined ? report : { ...report, leftBehind: left };
}
