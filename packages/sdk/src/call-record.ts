import type { Code } from './errors.ts';

/**
 * One call of one plugin, whatever its protocol: a gRPC call that `connect()` made, or a program that a shim
 * executed. The kubelet's tap and a shim's RUN/calls/SANDBOX.jsonl hold the same record, so a reader joins them
 * by `traceId` and `parentSpanId` (W3C trace context, lower-case hex).
 */
export interface CallRecord {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  protocol: 'cri' | 'cni' | 'oci' | 'machine' | 'credentials' | 'device';
  /** Who was called: a handler (`runc`), a CNI plugin type (`bridge`), an OCI runtime binary (`runc`), a runtime of machines (`vm`), a credential provider (`ecr`), the resource of a device plugin (`nvidia.com/gpu`). */
  plugin: string;
  /** The RPC, CNI verb, OCI runtime subcommand, what is asked of a machine, or the kind of a request: `RunPodSandbox`, `ADD`, `create`, `boot`, `CredentialProviderRequest`. */
  method: string;
  /** What the call was about, for a reader: a container name, an image, an interface. */
  subject?: string;
  sandboxId?: string;
  /** Milliseconds since the epoch, with fractions. */
  startedAt: number;
  durationMs: number;
  outcome: 'OK' | Code;
  /** Why it failed; never holds a secret. */
  message?: string;
  /** Of a CNI plugin: what it was given and what it printed. */
  execution?: RecordedExecution;
}

/** One execution of a program; long texts have a part in their middle left out, which they say. */
export interface RecordedExecution {
  /** The executable. */
  file: string;
  /** The variables that its protocol gives it: those of CNI. */
  env: Record<string, string>;
  stdin: string;
  stdout: string;
  stderr: string;
  /** Null where it was killed, or never ran. */
  exitCode: number | null;
  signal: string | null;
}
