import type { Duplex, Readable, Writable } from 'node:stream';
import type { Usage } from '@berth/sdk/cgroup/usage';
import type { ContainerConfig, LinuxContainerResources, PodSandboxConfig } from '@berth/sdk/cri';
import type { IdMappings } from './sandbox/user-namespace.ts';

export type { Usage } from '@berth/sdk/cgroup/usage';
export type { IdMappings } from './sandbox/user-namespace.ts';

/**
 * All that a new runtime has to write. The shim does everything that is CRI: names, ids, state, images, network,
 * log paths, lists and filters. The runtime makes sandboxes and containers be, and tells when they end.
 *
 * The contract, for every method:
 * - `signal` aborts the work; an aborted call leaves nothing behind, or leaves what `remove` takes away.
 * - Calls about one sandbox or container are never made at the same time, except `signal` and `removeContainer` during `start`, `signal` during
 *   `update` and `checkpoint`, `usage` at any time, and `exec`, `attach`, `reopenLog` and `dial` at any time while the container or sandbox runs.
 * - What fails throws a PluginError that names the object, the cause and the cure.
 * - What has to survive a reboot is kept in `directory` of the spec only, which the shim removes after `remove`. What a reboot may
 *   take can be below RUN (ShimOptions) too: `remove` takes that away, and `recover` that of objects nobody knows.
 * - Containers and their stdio outlive the shim; after a restart `recover` finds them again.
 */
export interface Runtime {
  /** Asked once, before anything else. */
  features(): RuntimeFeatures;

  /** Checks that the runtime can work on this host, before the shim serves; throws what is missing and where to get it. */
  prepare(signal: AbortSignal): Promise<RuntimeVersion>;

  /** Makes the sandbox. Its network namespace, if any, is already set up by the shim through CNI. */
  createSandbox(sandbox: SandboxSpec, signal: AbortSignal): Promise<void>;

  /** Ends whatever still runs in the sandbox and frees what only a running one needs. A stopped or missing one is no error. */
  stopSandbox(sandbox: SandboxSpec, signal: AbortSignal): Promise<void>;

  /** Makes the container up to the point where `start` only has to let it go. */
  createContainer(container: ContainerSpec, signal: AbortSignal): Promise<void>;

  /** Lets a created container run. Resolves when its process has been executed. */
  start(container: ContainerSpec, signal: AbortSignal): Promise<void>;

  /** Sends a POSIX signal (`SIGTERM`; a real-time one by number, `37`) to the container's first process. One that has ended, or is missing, is no error. */
  signal(container: ContainerSpec, posixSignal: string, signal: AbortSignal): Promise<void>;

  /**
   * Runs one more process in a running container to its end, and resolves with its exit code once all that it printed has been
   * written to `streams`. When `signal` is aborted the process is killed, with its process group. A program that isn't there throws.
   * Input and a terminal are asked for only of a runtime whose features() say `interactive`.
   */
  exec(container: ContainerSpec, process: ExecProcess, streams: ProcessStreams, signal: AbortSignal): Promise<number>;

  /**
   * Joins `streams` to the stdio of a running container's first process, from this moment on, beside its log. Resolves when the process
   * has ended and all that it printed has been written; `signal` ends the joining, not the process. Left out: attaching is refused.
   */
  attach?(container: ContainerSpec, streams: ProcessStreams, signal: AbortSignal): Promise<void>;

  /**
   * Goes on writing the log of a running container in a new file at its path, where the client has moved the old one away; resolves
   * when that file is there. No line is lost, and a file that hasn't been moved is kept. Left out: reopening is refused.
   */
  reopenLog?(container: ContainerSpec, signal: AbortSignal): Promise<void>;

  /**
   * Connects to a TCP port on the loopback of a ready sandbox. Left out: the shim connects inside the sandbox's network namespace, or
   * on the host for a pod of its network.
   */
  dial?(sandbox: SandboxSpec, port: number, signal: AbortSignal): Promise<Duplex>;

  /** Removes a container, killing it if it runs. A missing one is no error. */
  removeContainer(container: ContainerSpec, signal: AbortSignal): Promise<void>;

  /** Removes a stopped sandbox. A missing one is no error. */
  removeSandbox(sandbox: SandboxSpec, signal: AbortSignal): Promise<void>;

  /**
   * After a restart of the shim, before it serves: says what became of each of `known`, takes up watching what still
   * runs, and removes what it finds of its own that isn't in `known`.
   */
  recover(known: Known, signal: AbortSignal): Promise<Found>;

  /**
   * What happens by itself. One reader, the shim; ends when `signal` is aborted. An event may be repeated until the
   * object is removed (after a restart it has to be): the shim drops duplicates.
   */
  events(signal: AbortSignal): AsyncIterable<RuntimeEvent>;

  // What follows may be left out.

  /** Addresses of a sandbox that has just been made, of a runtime whose features() say that it has no `network`: told by CRI, and used by nobody here. */
  addresses?(sandbox: SandboxSpec): string[];

  /** What a person may want to know of a container: `verbose` of CRI ContainerStatus. */
  inspect?(container: ContainerSpec, signal: AbortSignal): Promise<Record<string, unknown>>;

  /** What a running container uses, at any time while it runs; undefined for one that has ended. Left out: its statistics have no CPU and memory. */
  usage?(container: ContainerSpec, signal: AbortSignal): Promise<Usage | undefined>;

  /** What a pod uses as a whole; undefined where that isn't accounted for. Left out, or undefined: the sum of its containers is told. */
  sandboxUsage?(sandbox: SandboxSpec, signal: AbortSignal): Promise<Usage | undefined>;

  /** Gives a created or running container these limits, all that it is to have from then on. Left out: a request for it is UNIMPLEMENTED. */
  update?(container: ContainerSpec, resources: LinuxContainerResources, signal: AbortSignal): Promise<void>;

  /** Told what a pod as a whole may use from now on, for runtimes that set room aside for it (a machine). The pod's cgroup is the client's own. */
  updateSandbox?(sandbox: SandboxSpec, resources: PodResources, signal: AbortSignal): Promise<void>;

  /** Writes the state of a running container, which goes on running, to an archive at `location`. A failure leaves no file there. */
  checkpoint?(container: ContainerSpec, location: string, signal: AbortSignal): Promise<void>;
}

/** As in LinuxPodSandboxConfig. */
export interface PodResources {
  /** What the sandbox needs beside its containers. */
  overhead: LinuxContainerResources | undefined;
  /** The sum of its containers'. */
  resources: LinuxContainerResources | undefined;
}

/** What a runtime wants prepared for it, and what it refuses. */
export interface RuntimeFeatures {
  /** How it takes a root file system: `mounted` at a path, as `layers` to stack itself, or `none` (images are only names). */
  rootfs: 'mounted' | 'layers' | 'none';
  /** Whether each pod gets a network namespace, set up through CNI. */
  network: boolean;
  /** Pinned IPC and UTS namespaces that its containers join, as OCI runtimes do. */
  namespaces: boolean;
  /** Whether `exec` takes input and a terminal; left out: no, and the shim refuses what asks for them. */
  interactive?: boolean;
  /** What a pod may ask for that this runtime can't do; the shim refuses such requests by this reason. */
  refused: Refusal[];
  /** Who makes its cgroups, and so how `cgroup_parent` is written; left out where it has none. */
  cgroupDriver?: 'cgroupfs' | 'systemd';
}

/** A thing a CRI request may ask for, named as in the message (`linux.security_context.privileged`), and why not. */
export interface Refusal {
  field: string;
  reason: string;
  /** Which values of the field are refused, if it isn't every one but the default. */
  when?: (value: unknown) => boolean;
}

/** Reported by CRI's Version: `runc 1.1.5`. */
export interface RuntimeVersion {
  name: string;
  version: string;
  /** Fields that the shim refuses (`refusals.ts`) unless a runtime names them here: what it can do may depend on the host. */
  supported?: string[];
}

export interface SandboxSpec {
  id: string;
  /** As the client sent it, checked. */
  config: PodSandboxConfig;
  /** A folder of this sandbox's own, on disk, for the runtime's files. */
  directory: string;
  /** Bind-mounted namespace files by kind; absent where the pod uses the host's. */
  namespaces: { user?: string; network?: string; ipc?: string; uts?: string };
  /** The ids of its user namespace, where it has one. */
  idMappings?: IdMappings;
  /** Whether containers share one PID namespace (`shareProcessNamespace`). */
  sharedPid: boolean;
  /** Files that the shim wrote for the pod's containers, to be mounted at these places in each: `/etc/resolv.conf` -> host path. */
  files: Record<string, string>;
}

export interface ContainerSpec {
  id: string;
  sandbox: SandboxSpec;
  /** As the client sent it, checked. */
  config: ContainerConfig;
  /** The container of the same sandbox whose PID namespace it joins (NamespaceMode TARGET); it runs. */
  pidTarget?: string;
  /** A folder of this container's own, on disk, for the runtime's files. */
  directory: string;
  rootfs: Rootfs | undefined;
  /** The image's and the request's command, environment and user put together. */
  process: ProcessSpec;
  /** Volumes, devices of the pod and the sandbox's files, in the order to be mounted; sources exist. */
  mounts: ContainerMount[];
  /** Absolute; the runtime writes stdout and stderr there in CRI log format. Undefined: the client wants no log. */
  logPath: string | undefined;
  /** Sent by StopContainer before SIGKILL, in the form that `signal` takes. */
  stopSignal: string;
}

/** Overlayfs directories, lowest layer last as in `lowerdir=`, and the merged mount where the shim made one. */
export interface Rootfs {
  lowers: string[];
  upper: string;
  work: string;
  /** Set when features().rootfs is `mounted`: the place where the shim mounted it. */
  mounted: string | undefined;
}

export interface ProcessSpec {
  args: string[];
  /** `NAME=value`, all of them: PATH is always there. */
  env: string[];
  cwd: string;
  user: { uid: number; gid: number; additionalGids: number[] };
}

/** A process beside the container's first one, with the same environment, directory, user and limits. */
export interface ExecProcess {
  /** Program and arguments; no shell. */
  args: string[];
  /** Whether it gets a terminal as its stdio: all that it prints is stdout. Left out: no. */
  tty?: boolean;
}

/** The runtime writes to both, and ends neither. */
export interface ExecOutput {
  stdout: Writable;
  stderr: Writable;
}

/** What a process's stdio is joined to. */
export interface ProcessStreams extends ExecOutput {
  /** Its end is the end of the process's input, except with a terminal. Left out: there is none. */
  stdin?: Readable;
  /** Sizes of the client's terminal, where the process has one. Left out: it keeps its own. */
  resize?: AsyncIterable<TerminalSize>;
}

/** In characters, from 1 to 65535. */
export interface TerminalSize {
  width: number;
  height: number;
}

export interface ContainerMount {
  source: string;
  destination: string;
  readonly: boolean;
  /** Mounts below it are read-only too; only for runtimes that say that they support it. */
  recursiveReadonly?: boolean;
  propagation: 'private' | 'rslave' | 'rshared';
}

/** What the shim's records say exists. */
export interface Known {
  sandboxes: SandboxSpec[];
  containers: ContainerSpec[];
}

/** What became of each of `Known`; one that isn't mentioned is gone. */
export interface Found {
  sandboxes: string[];
  containers: Record<string, FoundContainer>;
}

export type FoundContainer = { state: 'created' } | { state: 'running'; startedAt: Date | undefined } | { state: 'exited'; exit: Exit };

export interface Exit {
  /** 128 + signal number for a process that a signal ended. */
  exitCode: number;
  finishedAt: Date;
  /** `OOMKilled` where the kernel's OOM killer ended it, else undefined: the shim says `Completed` or `Error`. */
  reason?: 'OOMKilled';
  message?: string;
}

export type RuntimeEvent =
  | { type: 'exited'; containerId: string; exit: Exit }
  | { type: 'oom'; containerId: string }
  /** The sandbox itself ended (a machine died): its containers are gone with it. */
  | { type: 'sandboxGone'; sandboxId: string; message: string };
