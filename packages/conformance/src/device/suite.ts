import { runSuite, type SuiteOptions } from '../run-suite.ts';
import type { Case, Report, Suite } from '../suite.ts';
import { withCleanUp } from '../with-clean-up.ts';
import { allocateCases } from './cases/allocate-cases.ts';
import { answerCases } from './cases/answer-cases.ts';
import { callCases } from './cases/call-cases.ts';
import { deviceCases } from './cases/device-cases.ts';
import { healthCases } from './cases/health-cases.ts';
import { preStartCases } from './cases/pre-start-cases.ts';
import { preferenceCases } from './cases/preference-cases.ts';
import { registrationCases } from './cases/registration-cases.ts';
import { restartCases } from './cases/restart-cases.ts';
import { shutdownCases } from './cases/shutdown-cases.ts';
import { startCases } from './cases/start-cases.ts';
import { watchCases } from './cases/watch-cases.ts';
import { DeviceTarget, type DeviceTargetOptions } from './target.ts';

export type { DeviceTargetOptions } from './target.ts';

const cases: Case<DeviceTarget>[] = [
  ...registrationCases,
  ...watchCases,
  ...deviceCases,
  ...allocateCases,
  ...answerCases,
  ...preferenceCases,
  ...preStartCases,
  ...callCases,
  ...healthCases,
  ...restartCases,
  ...startCases,
  ...shutdownCases,
];

/** What a device plugin promises, whichever language it is written in. */
export const deviceSuite: Suite<DeviceTarget> = { name: 'device', title: 'Device plugin API v1beta1', cases };

export type DeviceRunOptions = SuiteOptions<DeviceTarget>;

/**
 * Judges a device plugin: one that it starts by a command, as the kubelet and the DaemonSet of it, or one that serves at a socket. Throws where it registers nothing,
 * or doesn't answer; a failed case is in the report.
 */
export async function runDeviceSuite(options: DeviceTargetOptions, run: DeviceRunOptions = {}): Promise<Report> {
  const { timeFactor } = run;
  const target = await DeviceTarget.open({ ...options, ...(timeFactor !== undefined && { timeFactor }) });
  const [alive, coverage] = [() => target.alive(), () => target.coverage.report()];
  return withCleanUp(
    () => runSuite(deviceSuite, { ...run, target, targetName: target.name, alive, coverage }),
    () => target.close(),
  );
}
