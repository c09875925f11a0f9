import type { RuntimeServiceService } from '@berth/sdk/cri';
import type { Implementation } from '@berth/sdk/serve';
import { attach } from './container/attach.ts';
import { checkpointContainer } from './container/checkpoint-container.ts';
import { containerStatus } from './container/container-status.ts';
import { createContainer } from './container/create-container.ts';
import { exec } from './container/exec.ts';
import { execSync } from './container/exec-sync.ts';
import { listContainers, streamContainers } from './container/list-containers.ts';
import { removeContainer } from './container/remove-container.ts';
import { reopenContainerLog } from './container/reopen-container-log.ts';
import { startContainer } from './container/start-container.ts';
import { stopContainer } from './container/stop-container.ts';
import { updateContainerResources } from './container/update-container-resources.ts';
import { runtimeConfig, updateRuntimeConfig } from './runtime-config.ts';
import { listPodSandbox, streamPodSandboxes } from './sandbox/list-pod-sandbox.ts';
import { podSandboxStatus } from './sandbox/pod-sandbox-status.ts';
import { portForward } from './sandbox/port-forward.ts';
import { removePodSandbox } from './sandbox/remove-pod-sandbox.ts';
import { runPodSandbox } from './sandbox/run-pod-sandbox.ts';
import { stopPodSandbox } from './sandbox/stop-pod-sandbox.ts';
import { updatePodSandboxResources } from './sandbox/update-pod-sandbox-resources.ts';
import type { Shim } from './shim.ts';
import { containerStats, listContainerStats, streamContainerStats } from './stats/container-stats.ts';
import { listMetricDescriptors, listPodSandboxMetrics, streamPodSandboxMetrics } from './stats/list-metrics.ts';
import { listPodSandboxStats, podSandboxStats, streamPodSandboxStats } from './stats/pod-sandbox-stats.ts';
import { status } from './status.ts';

/** CRI's RuntimeService. What is left out answers UNIMPLEMENTED by name. */
export function runtimeService(shim: Shim): Implementation<RuntimeServiceService> {
  return {
    version: () => ({ version: '0.1.0', runtimeName: shim.version.name, runtimeVersion: shim.version.version, runtimeApiVersion: 'v1' }),
    status: (request) => status(shim, request),
    runtimeConfig: () => runtimeConfig(shim),
    updateRuntimeConfig: (request) => updateRuntimeConfig(shim, request),
    runPodSandbox: (request, context) => runPodSandbox(shim, request, context),
    stopPodSandbox: (request, context) => stopPodSandbox(shim, request, context),
    removePodSandbox: (request, context) => removePodSandbox(shim, request, context),
    podSandboxStatus: (request) => podSandboxStatus(shim, request),
    listPodSandbox: (request) => listPodSandbox(shim, request),
    streamPodSandboxes: (request) => streamPodSandboxes(shim, request),
    createContainer: (request, context) => createContainer(shim, request, context),
    startContainer: (request, context) => startContainer(shim, request, context),
    stopContainer: (request, context) => stopContainer(shim, request, context),
    removeContainer: (request, context) => removeContainer(shim, request, context),
    containerStatus: (request, context) => containerStatus(shim, request, context),
    listContainers: (request) => listContainers(shim, request),
    streamContainers: (request) => streamContainers(shim, request),
    updateContainerResources: (request, context) => updateContainerResources(shim, request, context),
    updatePodSandboxResources: (request, context) => updatePodSandboxResources(shim, request, context),
    checkpointContainer: (request, context) => checkpointContainer(shim, request, context),
    containerStats: (request, context) => containerStats(shim, request, context),
    listContainerStats: (request, context) => listContainerStats(shim, request, context),
    streamContainerStats: (request, context) => streamContainerStats(shim, request, context),
    podSandboxStats: (request, context) => podSandboxStats(shim, request, context),
    listPodSandboxStats: (request, context) => listPodSandboxStats(shim, request, context),
    streamPodSandboxStats: (request, context) => streamPodSandboxStats(shim, request, context),
    listMetricDescriptors,
    listPodSandboxMetrics: (_, context) => listPodSandboxMetrics(shim, context),
    streamPodSandboxMetrics: (_, context) => streamPodSandboxMetrics(shim, context),
    getContainerEvents: (_, { signal }) => shim.lifeCycle.listen(signal),
    execSync: (request, context) => execSync(shim, request, context),
    exec: (request) => exec(shim, request),
    attach: (request) => attach(shim, request),
    portForward: (request) => portForward(shim, request),
    reopenContainerLog: (request, context) => reopenContainerLog(shim, request, context),
  };
}
