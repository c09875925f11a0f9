import type { RuntimeServiceService } from '@berth/sdk/cri';
import type { Implementation } from '@berth/sdk/serve';
import { attach } from './container/attach.ts';
import { containerStatus } from './container/container-status.ts';
import { createContainer } from './container/create-container.ts';
import { exec } from './container/exec.ts';
import { execSync } from './container/exec-sync.ts';
import { listContainers } from './container/list-containers.ts';
import { removeContainer } from './container/remove-container.ts';
import { reopenContainerLog } from './container/reopen-container-log.ts';
import { startContainer } from './container/start-container.ts';
import { stopContainer } from './container/stop-container.ts';
import { listPodSandbox } from './sandbox/list-pod-sandbox.ts';
import { podSandboxStatus } from './sandbox/pod-sandbox-status.ts';
import { portForward } from './sandbox/port-forward.ts';
import { removePodSandbox } from './sandbox/remove-pod-sandbox.ts';
import { runPodSandbox } from './sandbox/run-pod-sandbox.ts';
import { stopPodSandbox } from './sandbox/stop-pod-sandbox.ts';
import type { Shim } from './shim.ts';
import { status } from './status.ts';

/** CRI's RuntimeService. What is left out answers UNIMPLEMENTED by name. */
export function runtimeService(shim: Shim): Implementation<RuntimeServiceService> {
  return {
    version: () => ({ version: '0.1.0', runtimeName: shim.version.name, runtimeVersion: shim.version.version, runtimeApiVersion: 'v1' }),
    status: (request) => status(shim, request),
    runPodSandbox: (request, context) => runPodSandbox(shim, request, context),
    stopPodSandbox: (request, context) => stopPodSandbox(shim, request, context),
    removePodSandbox: (request, context) => removePodSandbox(shim, request, context),
    podSandboxStatus: (request) => podSandboxStatus(shim, request),
    listPodSandbox: (request) => listPodSandbox(shim, request),
    createContainer: (request, context) => createContainer(shim, request, context),
    startContainer: (request, context) => startContainer(shim, request, context),
    stopContainer: (request, context) => stopContainer(shim, request, context),
    removeContainer: (request, context) => removeContainer(shim, request, context),
    containerStatus: (request) => containerStatus(shim, request),
    listContainers: (request) => listContainers(shim, request),
    execSync: (request, context) => execSync(shim, request, context),
    exec: (request) => exec(shim, request),
    attach: (request) => attach(shim, request),
    portForward: (request) => portForward(shim, request),
    reopenContainerLog: (request, context) => reopenContainerLog(shim, request, context),
  };
}
