/** The parts of CRI's messages that the cases use, as proto-loader gives them: 64-bit integers and enums are strings. */

export interface Metadata {
  name: string;
  attempt?: number;
}

export interface SandboxMetadata extends Metadata {
  uid: string;
  namespace: string;
}

export interface SandboxConfig {
  metadata: SandboxMetadata;
  hostname?: string;
  logDirectory?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  linux?: { cgroupParent?: string };
}

export interface ContainerConfig {
  metadata: Metadata;
  image: { image: string };
  command?: string[];
  args?: string[];
  workingDir?: string;
  envs?: { key: string; value: Uint8Array }[];
  mounts?: { containerPath: string; hostPath: string; readonly?: boolean }[];
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  logPath?: string;
}

export interface SandboxStatus {
  id: string;
  metadata: SandboxMetadata;
  state: 'SANDBOX_READY' | 'SANDBOX_NOTREADY';
  createdAt: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
}

export interface ContainerStatus {
  id: string;
  metadata: Metadata;
  state: 'CONTAINER_CREATED' | 'CONTAINER_RUNNING' | 'CONTAINER_EXITED' | 'CONTAINER_UNKNOWN';
  createdAt: string;
  startedAt: string;
  finishedAt: string;
  exitCode: number;
  reason: string;
  imageRef: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
  logPath: string;
}

export interface SandboxFilter {
  id?: string;
  state?: { state: SandboxStatus['state'] };
  labelSelector?: Record<string, string>;
}

export interface ContainerFilter extends Omit<SandboxFilter, 'state'> {
  state?: { state: ContainerStatus['state'] };
  podSandboxId?: string;
}

export interface ExecResult {
  stdout: Buffer;
  stderr: Buffer;
  exitCode: number;
}

type Unary<Request, Response> = (request: Request, options?: { signal?: AbortSignal; deadlineMs?: number }) => Promise<Response>;

/** RuntimeService and ImageService in one, under the RPCs' own names. */
export interface CriClient {
  Version: Unary<{ version?: string }, { runtimeName: string; runtimeVersion: string; runtimeApiVersion: string }>;
  Status: Unary<{ verbose?: boolean }, { status: { conditions: { type: string; status: boolean; reason: string; message: string }[] } }>;
  RunPodSandbox: Unary<{ config: SandboxConfig; runtimeHandler?: string }, { podSandboxId: string }>;
  StopPodSandbox: Unary<{ podSandboxId: string }, object>;
  RemovePodSandbox: Unary<{ podSandboxId: string }, object>;
  PodSandboxStatus: Unary<{ podSandboxId: string }, { status: SandboxStatus }>;
  ListPodSandbox: Unary<{ filter?: SandboxFilter }, { items: { id: string; state: SandboxStatus['state'] }[] }>;
  CreateContainer: Unary<{ podSandboxId: string; config: ContainerConfig; sandboxConfig: SandboxConfig }, { containerId: string }>;
  StartContainer: Unary<{ containerId: string }, object>;
  StopContainer: Unary<{ containerId: string; timeout?: number }, object>;
  RemoveContainer: Unary<{ containerId: string }, object>;
  ContainerStatus: Unary<{ containerId: string }, { status: ContainerStatus }>;
  ListContainers: Unary<{ filter?: ContainerFilter }, { containers: { id: string; state: ContainerStatus['state'] }[] }>;
  ExecSync: Unary<{ containerId: string; cmd: string[]; timeout?: number }, ExecResult>;
  ListImages: Unary<{ filter?: { image: { image: string } } }, { images: { id: string; repoTags: string[]; size: string }[] }>;
  ImageStatus: Unary<{ image: { image: string } }, { image: { id: string; repoTags: string[]; size: string } | null }>;
  PullImage: Unary<{ image: { image: string } }, { imageRef: string }>;
  RemoveImage: Unary<{ image: { image: string } }, object>;
}
