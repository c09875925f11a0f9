import { writeFileSync } from 'node:fs';
import {
  type ContainerConfig,
  ContainerState,
  ContainerStatus,
  type CreateContainerRequest,
  type RuntimeServiceService,
  type StopContainerRequest,
} from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import type { Implementation } from '@berth/sdk/serve';
import { type CallHooks, found } from './call-hooks.ts';
import type { Container, TimerLife } from './timer-life.ts';

/** The calls about containers. `graces` gets the grace period of each stop, in seconds. */
export function containerCalls(life: TimerLife, hooks: CallHooks, graces: number[]): Implementation<RuntimeServiceService> {
  const containerOf = (id: string) => found(life.containers.get(id), id);
  return {
    createContainer: async ({ podSandboxId, config }: CreateContainerRequest, context) => {
      await hooks.called('CreateContainer', config?.metadata?.name, context);
      found(life.sandboxes.get(podSandboxId), podSandboxId);
      return { containerId: life.addContainer(podSandboxId, config as ContainerConfig) };
    },
    startContainer: async ({ containerId }, context) => {
      const container = containerOf(containerId);
      await hooks.called('StartContainer', container.config.metadata?.name, context);
      if (container.state !== ContainerState.CONTAINER_CREATED) {
        throw new PluginError('FAILED_PRECONDITION', 'it was started before', { object: `container ${containerId}` });
      }
      life.start(container);
      return {};
    },
    stopContainer: async ({ containerId, timeout }: StopContainerRequest, context) => {
      const container = containerOf(containerId);
      graces.push(Number(timeout));
      await hooks.called('StopContainer', container.config.metadata?.name, context);
      await life.stop(container, Number(timeout) * 1000);
      return {};
    },
    removeContainer: async ({ containerId }, context) => {
      await hooks.called('RemoveContainer', life.containers.get(containerId)?.config.metadata?.name, context);
      life.containers.delete(containerId);
      return {};
    },
    reopenContainerLog: async ({ containerId }, context) => {
      const container = containerOf(containerId);
      await hooks.called('ReopenContainerLog', container.config.metadata?.name, context);
      writeFileSync(life.logFile(container), '', { flag: 'a' });
      return {};
    },
    listContainers: async (_request, context) => {
      await hooks.asked('ListContainers', context);
      return { containers: [...life.containers.values()].map(listed) };
    },
    containerStatus: async ({ containerId }, context) => {
      await hooks.asked('ContainerStatus', context);
      return { status: statusOf(containerOf(containerId)), info: {} };
    },
    updateContainerResources: async ({ containerId, linux }, context) => {
      const { config } = containerOf(containerId);
      await hooks.called('UpdateContainerResources', config.metadata?.name, context);
      if (config.linux) config.linux.resources = linux;
      return {};
    },
    getContainerEvents: (_request, { signal }) => life.events.listen(signal),
  };
}

function listed({ id, sandboxId, config, state, createdAt }: Container) {
  const { metadata, image, labels, annotations } = config;
  return { id, podSandboxId: sandboxId, metadata, image, imageRef: '', imageId: '', state, createdAt, labels, annotations };
}

function statusOf({ config, sandboxId: _, timer: __, ...state }: Container): ContainerStatus {
  const { metadata, image, labels, annotations, mounts, logPath, linux } = config;
  const resources = { linux: linux?.resources, windows: undefined };
  return ContainerStatus.create({ ...state, metadata, image, labels, annotations, mounts, logPath, resources });
}
