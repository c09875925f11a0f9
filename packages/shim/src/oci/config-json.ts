/** The part of the OCI runtime specification's config.json that is written here (runtime-spec 1.0.2, config.md, config-linux.md). */
export interface OciConfig {
  ociVersion: string;
  process: {
    terminal: boolean;
    user: { uid: number; gid: number; additionalGids: number[] };
    args: string[];
    env: string[];
    cwd: string;
    capabilities: Record<'bounding' | 'effective' | 'permitted' | 'inheritable' | 'ambient', string[]>;
    noNewPrivileges: boolean;
    apparmorProfile?: string;
    selinuxLabel?: string;
    oomScoreAdj?: number;
  };
  root: { path: string; readonly: boolean };
  mounts: OciMount[];
  annotations: Record<string, string>;
  /** Programs that are run at points of a container's life, by the point's name. */
  hooks?: Record<string, OciHook[]>;
  linux: {
    namespaces: OciNamespace[];
    /** With a user namespace. */
    uidMappings?: OciIdMapping[];
    gidMappings?: OciIdMapping[];
    cgroupsPath: string;
    resources: OciResources;
    devices: OciDevice[];
    sysctl: Record<string, string>;
    maskedPaths: string[];
    readonlyPaths: string[];
    rootfsPropagation?: string;
    /** SELinux label of what is mounted for the container. */
    mountLabel?: string;
    seccomp?: OciSeccomp;
  };
}

export interface OciMount {
  destination: string;
  type: string;
  source: string;
  options: string[];
}

export interface OciIdMapping {
  containerID: number;
  hostID: number;
  size: number;
}

export interface OciHook {
  path: string;
  args: string[];
  env: string[];
  /** Seconds. */
  timeout?: number;
}

export interface OciNamespace {
  type: 'user' | 'pid' | 'network' | 'mount' | 'ipc' | 'uts' | 'cgroup';
  /** Left out: a new one. */
  path?: string;
}

export interface OciResources {
  devices: { allow: boolean; type?: 'a' | 'b' | 'c'; major?: number; minor?: number; access: string }[];
  cpu?: { shares?: number; quota?: number; period?: number; cpus?: string; mems?: string };
  memory?: { limit?: number; swap?: number };
  hugepageLimits?: { pageSize: string; limit: number }[];
  unified?: Record<string, string>;
  /** cgroup v1 only; on v2 these are `unified`. */
  blockIO?: OciBlockIo;
}

export interface OciBlockIo {
  weight?: number;
  throttleReadBpsDevice?: OciThrottle[];
  throttleWriteBpsDevice?: OciThrottle[];
  throttleReadIOPSDevice?: OciThrottle[];
  throttleWriteIOPSDevice?: OciThrottle[];
}

export interface OciThrottle {
  major: number;
  minor: number;
  /** Bytes, or operations, a second. */
  rate: number;
}

export interface OciDevice {
  path: string;
  type: 'b' | 'c';
  major: number;
  minor: number;
  /** Permission bits. */
  fileMode: number;
  uid: number;
  gid: number;
}

export interface OciSeccomp {
  defaultAction: string;
  defaultErrnoRet?: number;
  architectures?: string[];
  /** Unix socket of who answers SCMP_ACT_NOTIFY, and what it is told besides the process's state. */
  listenerPath?: string;
  listenerMetadata?: string;
  syscalls: OciSyscallRule[];
}

export interface OciSyscallRule {
  names: string[];
  action: string;
  errnoRet?: number;
  args?: { index: number; value: number; valueTwo?: number; op: string }[];
}
