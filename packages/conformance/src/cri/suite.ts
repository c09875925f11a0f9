import { PluginError } from '@berth/sdk/errors';
import { runSuite, type SuiteOptions } from '../run-suite.ts';
import type { Case, Report, Suite } from '../suite.ts';
import { withCleanUp } from '../with-clean-up.ts';
import { attachCases } from './cases/attach-cases.ts';
import { badInputCases } from './cases/bad-input-cases.ts';
import { checkpointCases } from './cases/checkpoint-cases.ts';
import { concurrencyCases } from './cases/concurrency-cases.ts';
import { containerCases } from './cases/container-cases.ts';
import { containerStatsCases } from './cases/container-stats-cases.ts';
import { eventCases } from './cases/event-cases.ts';
import { execStreamingCases } from './cases/exec-streaming-cases.ts';
import { execSyncCases } from './cases/exec-sync-cases.ts';
import { filesystemStatsCases } from './cases/filesystem-stats-cases.ts';
import { filterCases } from './cases/filter-cases.ts';
import { imageAuthCases } from './cases/image-auth-cases.ts';
import { imageBadInputCases } from './cases/image-bad-input-cases.ts';
import { imageCases } from './cases/image-cases.ts';
import { imageConcurrencyCases } from './cases/image-concurrency-cases.ts';
import { imageEscapeCases } from './cases/image-escape-cases.ts';
import { imageFaultCases } from './cases/image-fault-cases.ts';
import { imageFormatCases } from './cases/image-format-cases.ts';
import { imageLayerCases } from './cases/image-layer-cases.ts';
import { imageNameCases } from './cases/image-name-cases.ts';
import { imageUsageCases } from './cases/image-usage-cases.ts';
import { logCases } from './cases/log-cases.ts';
import { metricCases } from './cases/metric-cases.ts';
import { mountCases } from './cases/mount-cases.ts';
import { orderCases } from './cases/order-cases.ts';
import { podCases } from './cases/pod-cases.ts';
import { portForwardCases } from './cases/port-forward-cases.ts';
import { processCases } from './cases/process-cases.ts';
import { resourceCases } from './cases/resource-cases.ts';
import { restartCases } from './cases/restart-cases.ts';
import { runtimeCases } from './cases/runtime-cases.ts';
import { sandboxCases } from './cases/sandbox-cases.ts';
import { sandboxStatsCases } from './cases/sandbox-stats-cases.ts';
import { securityCases } from './cases/security-cases.ts';
import { spdyStreamingCases } from './cases/spdy-streaming-cases.ts';
import { timeoutCases } from './cases/timeout-cases.ts';
import { userCases } from './cases/user-cases.ts';
import { userNamespaceCases } from './cases/user-namespace-cases.ts';
import { CriTarget, type CriTargetOptions } from './target.ts';
import { serveTestImages } from './test-images.ts';

export { needNames } from './needs.ts';
export type { CriTargetOptions } from './target.ts';
export { type ImageName, type ImageReferences, imageNames, type ServedImages, serveTestImages } from './test-images.ts';

const cases: Case<CriTarget>[] = [
  ...runtimeCases,
  ...sandboxCases,
  ...podCases,
  ...userNamespaceCases,
  ...containerCases,
  ...checkpointCases,
  ...orderCases,
  ...processCases,
  ...userCases,
  ...securityCases,
  ...mountCases,
  ...resourceCases,
  ...logCases,
  ...execSyncCases,
  ...execStreamingCases,
  ...attachCases,
  ...portForwardCases,
  ...spdyStreamingCases,
  ...containerStatsCases,
  ...sandboxStatsCases,
  ...filesystemStatsCases,
  ...metricCases,
  ...eventCases,
  ...filterCases,
  // Servers make them wait, for a measurement or another attempt: first, so that other cases run meanwhile.
  ...imageUsageCases,
  ...imageFaultCases,
  ...imageCases,
  ...imageNameCases,
  ...imageFormatCases,
  ...imageLayerCases,
  ...imageAuthCases,
  ...imageEscapeCases,
  ...imageConcurrencyCases,
  ...imageBadInputCases,
  ...timeoutCases,
  ...concurrencyCases,
  ...badInputCases,
  ...restartCases,
];

/** What a CRI server promises, whichever language it is written in. */
export const criSuite: Suite<CriTarget> = { name: 'cri', title: 'CRI v1', cases };

export type CriRunOptions = SuiteOptions<CriTarget>;

const defaultParallel = 4;

/**
 * Judges the CRI server at `target.runtimeEndpoint`. Where no images are mapped, the suite builds its own and serves them
 * from a registry on loopback for the time of the run. Throws if the server doesn't answer; a failed case is in the
 * report, and so is what couldn't be removed at the end.
 */
export async function runCriSuite(options: CriTargetOptions, run: CriRunOptions = {}): Promise<Report> {
  const served = options.images ? undefined : await serveTestImages(options.busybox);
  return withCleanUp(
    async () => {
      const images = served?.references ?? options.images ?? {};
      return judge(await CriTarget.open({ ...(served && { publisher: served.publisher }), ...options }, images), options, run);
    },
    async () => served?.close(),
  );
}

/** Closes the target in any case. */
async function judge(target: CriTarget, { runtimeEndpoint }: CriTargetOptions, run: CriRunOptions): Promise<Report> {
  const [alive, coverage] = [() => target.alive(), () => target.coverage()];
  let left: string | undefined;
  const report = await withCleanUp(
    () => runSuite(criSuite, { parallel: defaultParallel, ...run, target, targetName: runtimeEndpoint, alive, coverage }),
    async () => {
      left = await target.close().then(
        () => undefined,
        (error: unknown) => PluginError.from(error).message,
      );
    },
  );
  return left === undefined ? report : { ...report, leftBehind: left };
}
