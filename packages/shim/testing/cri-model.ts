import {
  ContainerState,
  type ContainerStatusRequest,
  type CreateContainerRequest,
  type CreateContainerResponse,
  type ListContainersRequest,
  type ListPodSandboxRequest,
  PodSandboxState,
  type PodSandboxStatusRequest,
  type RemoveContainerRequest,
  type RemovePodSandboxRequest,
  type RunPodSandboxRequest,
  type RunPodSandboxResponse,
  type StartContainerRequest,
  type StopContainerRequest,
  type StopPodSandboxRequest,
} from '@berth/sdk/cri';
import { type Code, PluginError } from '@berth/sdk/errors';
import { image } from './test-shim.ts';

interface ModelSandbox {
  name: string;
  state: PodSandboxState;
}

interface ModelContainer {
  name: string;
  sandbox: string;
  state: ContainerState;
}

/** What CRI says must come of each call: the part of the response that is determined, or the error's code. */
export class CriModel {
  readonly #sandboxes = new Map<string, ModelSandbox>();
  readonly #containers = new Map<string, ModelContainer>();
  /** Ids in the order of making, also of what is gone. */
  readonly made: Record<'sandbox' | 'container', string[]> = { sandbox: [], container: [] };

  runPodSandbox({ config, runtimeHandler }: RunPodSandboxRequest, answer: RunPodSandboxResponse | undefined): object {
    const name = config?.metadata?.name ?? '';
    if (!['', 'process'].includes(runtimeHandler) || name === '') refuse('INVALID_ARGUMENT');
    if ([...this.#sandboxes.values()].some((other) => other.name === name)) refuse('ALREADY_EXISTS');
    const { podSandboxId } = answer ?? unanswered();
    this.#sandboxes.set(podSandboxId, { name, state: PodSandboxState.SANDBOX_READY });
    this.made.sandbox.push(podSandboxId);
    return {};
  }

  stopPodSandbox({ podSandboxId }: StopPodSandboxRequest): object {
    const [id, sandbox] = find(this.#sandboxes, podSandboxId) ?? [];
    if (sandbox) sandbox.state = PodSandboxState.SANDBOX_NOTREADY;
    for (const container of this.#containers.values()) if (container.sandbox === id) container.state = ContainerState.CONTAINER_EXITED;
    return {};
  }

  removePodSandbox({ podSandboxId }: RemovePodSandboxRequest): object {
    const [id] = find(this.#sandboxes, podSandboxId) ?? [];
    if (id !== undefined) this.#sandboxes.delete(id);
    for (const [containerId, { sandbox }] of this.#containers) if (sandbox === id) this.#containers.delete(containerId);
    return {};
  }

  podSandboxStatus({ podSandboxId }: PodSandboxStatusRequest): object {
    const [id, { state }] = get(this.#sandboxes, podSandboxId);
    return { status: { id, state } };
  }

  listPodSandbox({ filter }: ListPodSandboxRequest): object {
    const items = [...this.#sandboxes].map(([id, { state }]) => ({ id, state }));
    return { items: items.filter(({ id, state }) => id.startsWith(filter?.id ?? '') && (filter?.state?.state ?? state) === state) };
  }

  createContainer({ podSandboxId, config }: CreateContainerRequest, answer: CreateContainerResponse | undefined): object {
    const [sandbox, { state }] = get(this.#sandboxes, podSandboxId);
    const name = config?.metadata?.name ?? '';
    if (state !== PodSandboxState.SANDBOX_READY) refuse('FAILED_PRECONDITION');
    if (name === '') refuse('INVALID_ARGUMENT');
    if ([...this.#containers.values()].some((other) => other.sandbox === sandbox && other.name === name)) refuse('ALREADY_EXISTS');
    if (config?.image?.image !== image) refuse('NOT_FOUND');
    const { containerId } = answer ?? unanswered();
    this.#containers.set(containerId, { name, sandbox, state: ContainerState.CONTAINER_CREATED });
    this.made.container.push(containerId);
    return {};
  }

  startContainer({ containerId }: StartContainerRequest): object {
    const [, container] = get(this.#containers, containerId);
    if (container.state !== ContainerState.CONTAINER_CREATED) refuse('FAILED_PRECONDITION');
    container.state = ContainerState.CONTAINER_RUNNING;
    return {};
  }

  stopContainer({ containerId }: StopContainerRequest): object {
    const [, container] = find(this.#containers, containerId) ?? [];
    if (container) container.state = ContainerState.CONTAINER_EXITED;
    return {};
  }

  removeContainer({ containerId }: RemoveContainerRequest): object {
    const [id] = find(this.#containers, containerId) ?? [];
    if (id !== undefined) this.#containers.delete(id);
    return {};
  }

  containerStatus({ containerId }: ContainerStatusRequest): object {
    const [id, { state }] = get(this.#containers, containerId);
    return { status: { id, state } };
  }

  listContainers({ filter }: ListContainersRequest): object {
    const containers = [...this.#containers].map(([id, { state, sandbox }]) => ({ id, state, podSandboxId: sandbox }));
    return {
      containers: containers.filter(
        ({ id, state, podSandboxId }) =>
          id.startsWith(filter?.id ?? '') &&
          podSandboxId.startsWith(filter?.podSandboxId ?? '') &&
          (filter?.state?.state ?? state) === state,
      ),
    };
  }
}

function find<Item>(items: Map<string, Item>, reference: string): [string, Item] | undefined {
  const starting = reference === '' ? [] : [...items].filter(([id]) => id.startsWith(reference));
  if (starting.length > 1) refuse('INVALID_ARGUMENT');
  return starting[0];
}

function get<Item>(items: Map<string, Item>, reference: string): [string, Item] {
  return find(items, reference) ?? refuse('NOT_FOUND');
}

function refuse(code: Code): never {
  throw new PluginError(code, 'the model refuses it');
}

function unanswered(): never {
  throw new Error('the model expects an answer');
}
