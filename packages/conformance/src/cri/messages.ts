/** The parts of CRI's messages that the cases use, as proto-loader gives them: 64-bit integers and enums are strings. */

export interface Metadata {
  name: string;
  attempt?: number;
}

export interface SandboxMetadata extends Metadata {
  uid: string;
  namespace: string;
}

export type NamespaceMode = 'POD' | 'CONTAINER' | 'NODE' | 'TARGET';

export interface IdMapping {
  hostId: number;
  containerId: number;
  length: number;
}

export interface NamespaceOptions {
  network?: NamespaceMode;
  pid?: NamespaceMode;
  ipc?: NamespaceMode;
  targetId?: string;
  usernsOptions?: { mode: NamespaceMode; uids: IdMapping[]; gids: IdMapping[] };
}

export interface SecurityProfile {
  profileType: 'RuntimeDefault' | 'Unconfined' | 'Localhost';
  localhostRef?: string;
}

export interface Int64Value {
  value: string | number;
}

interface CommonSecurityContext {
  namespaceOptions?: NamespaceOptions;
  privileged?: boolean;
  readonlyRootfs?: boolean;
  runAsUser?: Int64Value;
  runAsGroup?: Int64Value;
  supplementalGroups?: number[];
  supplementalGroupsPolicy?: 'Merge' | 'Strict' | number;
  seccomp?: SecurityProfile;
  apparmor?: SecurityProfile;
}

export interface ContainerSecurityContext extends CommonSecurityContext {
  capabilities?: { addCapabilities?: string[]; dropCapabilities?: string[]; addAmbientCapabilities?: string[] };
  runAsUsername?: string;
  noNewPrivs?: boolean;
  maskedPaths?: string[];
  readonlyPaths?: string[];
}

export interface LinuxResources {
  cpuPeriod?: string | number;
  cpuQuota?: string | number;
  cpuShares?: string | number;
  memoryLimitInBytes?: string | number;
  oomScoreAdj?: string | number;
  cpusetCpus?: string;
  cpusetMems?: string;
  hugepageLimits?: { pageSize: string; limit: string | number }[];
  unified?: Record<string, string>;
  memorySwapLimitInBytes?: string | number;
}

export interface PortMapping {
  protocol?: 'TCP' | 'UDP' | 'SCTP';
  containerPort: number;
  hostPort?: number;
  hostIp?: string;
}

export interface SandboxConfig {
  metadata: SandboxMetadata;
  hostname?: string;
  logDirectory?: string;
  dnsConfig?: { servers: string[]; searches: string[]; options: string[] };
  portMappings?: PortMapping[];
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  linux?: {
    cgroupParent?: string;
    securityContext?: CommonSecurityContext;
    sysctls?: Record<string, string>;
    overhead?: LinuxResources;
    resources?: LinuxResources;
  };
}

export interface ImageSpec {
  image: string;
  annotations?: Record<string, string>;
  userSpecifiedImage?: string;
  runtimeHandler?: string;
}

export interface Mount {
  containerPath: string;
  hostPath?: string;
  readonly?: boolean;
  propagation?: 'PROPAGATION_PRIVATE' | 'PROPAGATION_HOST_TO_CONTAINER' | 'PROPAGATION_BIDIRECTIONAL';
  uidMappings?: IdMapping[];
  gidMappings?: IdMapping[];
  recursiveReadOnly?: boolean;
  image?: ImageSpec;
  imageSubPath?: string;
}

export interface ContainerConfig {
  metadata: Metadata;
  image: ImageSpec;
  command?: string[];
  args?: string[];
  workingDir?: string;
  envs?: { key: string; value: Uint8Array }[];
  mounts?: Mount[];
  devices?: { containerPath: string; hostPath: string; permissions: string }[];
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  logPath?: string;
  stdin?: boolean;
  stdinOnce?: boolean;
  tty?: boolean;
  linux?: { resources?: LinuxResources; securityContext?: ContainerSecurityContext };
  CDIDevices?: { name: string }[];
  stopSignal?: string;
}

export type SandboxState = 'SANDBOX_READY' | 'SANDBOX_NOTREADY';
export type ContainerState = 'CONTAINER_CREATED' | 'CONTAINER_RUNNING' | 'CONTAINER_EXITED' | 'CONTAINER_UNKNOWN';

export interface ListedSandbox {
  id: string;
  metadata: SandboxMetadata;
  state: SandboxState;
  createdAt: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
  runtimeHandler: string;
}

export interface SandboxStatus extends ListedSandbox {
  network: { ip: string; additionalIps: { ip: string }[] } | null;
  linux: { namespaces: { options: NamespaceOptions | null } | null } | null;
}

export interface ListedContainer {
  id: string;
  podSandboxId: string;
  metadata: Metadata;
  image: ImageSpec | null;
  imageRef: string;
  imageId: string;
  state: ContainerState;
  createdAt: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
}

export interface ContainerStatus extends Omit<ListedContainer, 'podSandboxId'> {
  startedAt: string;
  finishedAt: string;
  exitCode: number;
  reason: string;
  message: string;
  mounts: Mount[];
  logPath: string;
  resources: { linux: LinuxResources | null } | null;
  user: { linux: { uid: string; gid: string; supplementalGroups: string[] } | null } | null;
  stopSignal: string;
}

export interface SandboxFilter {
  id?: string;
  state?: { state: SandboxState };
  labelSelector?: Record<string, string>;
}

export interface ContainerFilter {
  id?: string;
  state?: { state: ContainerState };
  podSandboxId?: string;
  labelSelector?: Record<string, string>;
}

export type StatsFilter = Omit<ContainerFilter, 'state'>;

export interface ExecResult {
  stdout: Buffer;
  stderr: Buffer;
  exitCode: number;
}

export interface StreamingRequest {
  containerId: string;
  tty?: boolean;
  stdin?: boolean;
  stdout?: boolean;
  stderr?: boolean;
}

/** UInt64Value. */
export interface Figure {
  value: string;
}

export interface CpuUsage {
  timestamp: string;
  usageCoreNanoSeconds: Figure | null;
  usageNanoCores: Figure | null;
}

export interface MemoryUsage {
  timestamp: string;
  workingSetBytes: Figure | null;
  availableBytes: Figure | null;
  usageBytes: Figure | null;
  rssBytes: Figure | null;
  pageFaults: Figure | null;
  majorPageFaults: Figure | null;
}

export interface FilesystemUsage {
  timestamp: string;
  fsId: { mountpoint: string } | null;
  usedBytes: Figure | null;
  inodesUsed: Figure | null;
}

export interface Attributes {
  id: string;
  metadata: Metadata;
  labels: Record<string, string>;
  annotations: Record<string, string>;
}

export interface ContainerStats {
  attributes: Attributes;
  cpu: CpuUsage | null;
  memory: MemoryUsage | null;
  writableLayer: FilesystemUsage | null;
}

export interface InterfaceUsage {
  name: string;
  rxBytes: Figure | null;
  rxErrors: Figure | null;
  txBytes: Figure | null;
  txErrors: Figure | null;
}

export interface SandboxStats {
  attributes: Attributes;
  linux: {
    cpu: CpuUsage | null;
    memory: MemoryUsage | null;
    network: { timestamp: string; defaultInterface: InterfaceUsage | null; interfaces: InterfaceUsage[] } | null;
    process: { timestamp: string; processCount: Figure | null } | null;
    containers: ContainerStats[];
  } | null;
}

export interface Image {
  id: string;
  repoTags: string[];
  repoDigests: string[];
  size: string;
  uid: Int64Value | null;
  username: string;
  spec: ImageSpec | null;
  pinned: boolean;
}

export interface ContainerEvent {
  containerId: string;
  containerEventType: 'CONTAINER_CREATED_EVENT' | 'CONTAINER_STARTED_EVENT' | 'CONTAINER_STOPPED_EVENT' | 'CONTAINER_DELETED_EVENT';
  createdAt: string;
  podSandboxStatus: SandboxStatus | null;
  containersStatuses: ContainerStatus[];
}

export interface Metric {
  name: string;
  timestamp: string;
  metricType: 'COUNTER' | 'GAUGE';
  labelValues: string[];
  value: Figure | null;
}

export interface SandboxMetrics {
  podSandboxId: string;
  metrics: Metric[];
  containerMetrics: { containerId: string; metrics: Metric[] }[];
}

export interface RuntimeStatus {
  status: { conditions: { type: string; status: boolean; reason: string; message: string }[] };
  info: Record<string, string>;
  runtimeHandlers: { name: string; features: { recursiveReadOnlyMounts: boolean; userNamespaces: boolean } | null }[];
  features: { supplementalGroupsPolicy: boolean; userNamespacesHostNetwork: boolean } | null;
}

export interface AuthConfig {
  username?: string;
  password?: string;
  /** `username:password` in base64. */
  auth?: string;
  serverAddress?: string;
  identityToken?: string;
  registryToken?: string;
}

interface CallOptions {
  signal?: AbortSignal;
  deadlineMs?: number;
}

type Unary<Request, Response> = (request: Request, options?: CallOptions) => Promise<Response>;
type Stream<Request, Response> = (request: Request, options?: CallOptions) => AsyncIterable<Response>;

/** RuntimeService and ImageService in one, under the RPCs' own names. */
export interface CriClient {
  Version: Unary<{ version?: string }, { version: string; runtimeName: string; runtimeVersion: string; runtimeApiVersion: string }>;
  Status: Unary<{ verbose?: boolean }, RuntimeStatus>;
  UpdateRuntimeConfig: Unary<{ runtimeConfig: { networkConfig: { podCidr: string } } }, object>;
  RuntimeConfig: Unary<object, { linux: { cgroupDriver: 'SYSTEMD' | 'CGROUPFS' } | null }>;
  RunPodSandbox: Unary<{ config?: SandboxConfig; runtimeHandler?: string }, { podSandboxId: string }>;
  StopPodSandbox: Unary<{ podSandboxId: string }, object>;
  RemovePodSandbox: Unary<{ podSandboxId: string }, object>;
  PodSandboxStatus: Unary<
    { podSandboxId: string; verbose?: boolean },
    { status: SandboxStatus; info: Record<string, string>; containersStatuses: ContainerStatus[]; timestamp: string }
  >;
  ListPodSandbox: Unary<{ filter?: SandboxFilter }, { items: ListedSandbox[] }>;
  StreamPodSandboxes: Stream<{ filter?: SandboxFilter }, { podSandboxes: ListedSandbox[] }>;
  UpdatePodSandboxResources: Unary<{ podSandboxId: string; overhead?: LinuxResources; resources?: LinuxResources }, object>;
  CreateContainer: Unary<{ podSandboxId: string; config?: ContainerConfig; sandboxConfig?: SandboxConfig }, { containerId: string }>;
  StartContainer: Unary<{ containerId: string }, object>;
  StopContainer: Unary<{ containerId: string; timeout?: number }, object>;
  RemoveContainer: Unary<{ containerId: string }, object>;
  ContainerStatus: Unary<{ containerId: string; verbose?: boolean }, { status: ContainerStatus; info: Record<string, string> }>;
  ListContainers: Unary<{ filter?: ContainerFilter }, { containers: ListedContainer[] }>;
  StreamContainers: Stream<{ filter?: ContainerFilter }, { containers: ListedContainer[] }>;
  UpdateContainerResources: Unary<{ containerId: string; linux?: LinuxResources; annotations?: Record<string, string> }, object>;
  ReopenContainerLog: Unary<{ containerId: string }, object>;
  CheckpointContainer: Unary<{ containerId: string; location: string; timeout?: number }, object>;
  ExecSync: Unary<{ containerId: string; cmd: string[]; timeout?: number }, ExecResult>;
  Exec: Unary<StreamingRequest & { cmd: string[] }, { url: string }>;
  Attach: Unary<StreamingRequest, { url: string }>;
  PortForward: Unary<{ podSandboxId: string; port?: number[] }, { url: string }>;
  ContainerStats: Unary<{ containerId: string }, { stats: ContainerStats }>;
  ListContainerStats: Unary<{ filter?: StatsFilter }, { stats: ContainerStats[] }>;
  StreamContainerStats: Stream<{ filter?: StatsFilter }, { containerStats: ContainerStats[] }>;
  PodSandboxStats: Unary<{ podSandboxId: string }, { stats: SandboxStats }>;
  ListPodSandboxStats: Unary<{ filter?: Omit<SandboxFilter, 'state'> }, { stats: SandboxStats[] }>;
  StreamPodSandboxStats: Stream<{ filter?: Omit<SandboxFilter, 'state'> }, { podSandboxStats: SandboxStats[] }>;
  GetContainerEvents: Stream<object, ContainerEvent>;
  ListMetricDescriptors: Unary<object, { descriptors: { name: string; help: string; labelKeys: string[] }[] }>;
  ListPodSandboxMetrics: Unary<object, { podMetrics: SandboxMetrics[] }>;
  StreamPodSandboxMetrics: Stream<object, { podSandboxMetrics: SandboxMetrics[] }>;
  ListImages: Unary<{ filter?: { image: ImageSpec } }, { images: Image[] }>;
  StreamImages: Stream<{ filter?: { image: ImageSpec } }, { images: Image[] }>;
  ImageStatus: Unary<{ image?: ImageSpec; verbose?: boolean }, { image: Image | null; info: Record<string, string> }>;
  PullImage: Unary<{ image?: ImageSpec; auth?: AuthConfig; sandboxConfig?: SandboxConfig }, { imageRef: string }>;
  RemoveImage: Unary<{ image?: ImageSpec }, object>;
  ImageFsInfo: Unary<object, { imageFilesystems: FilesystemUsage[]; containerFilesystems: FilesystemUsage[] }>;
}
