/** What the Sentry knows of a calling thread, as /proc/TID/status tells it. */
export interface Task {
  /** Number of its process (thread group), in the host's PID namespace and in its own. */
  processId: number;
  ownProcessId: number;
  credentials: TaskCredentials;
}

/** With which rights it opens files. */
export interface TaskCredentials {
  uid: number;
  gid: number;
  groups: number[];
  /** The effective set, as two halves of 32 bits. */
  capabilities: [low: number, high: number];
}

/** The file mode creation mask in a `status` file; undefined for a thread that has ended. */
export function parseUmask(status: string): number | undefined {
  const digits = /^Umask:\s*([0-7]+)$/m.exec(status)?.[1];
  return digits === undefined ? undefined : Number.parseInt(digits, 8);
}

/** Reads the `status` file of proc(5). Undefined for a thread that has ended. */
export function parseTask(status: string): Task | undefined {
  const fields = new Map(
    status.split('\n').map((line): [string, string] => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]),
  );
  const numbers = (name: string): number[] => (fields.get(name) ?? '').trim().split(/\s+/).filter(Boolean).map(Number);
  const processId = numbers('Tgid')[0];
  if (processId === undefined) return undefined;
  const capabilities = (fields.get('CapEff') ?? '0').trim().padStart(16, '0');
  return {
    processId,
    ownProcessId: numbers('NStgid').at(-1) ?? processId,
    credentials: {
      // Real, effective, saved, and the one for files.
      uid: numbers('Uid')[3] ?? 0,
      gid: numbers('Gid')[3] ?? 0,
      groups: numbers('Groups'),
      capabilities: [Number.parseInt(capabilities.slice(8), 16), Number.parseInt(capabilities.slice(0, 8), 16)],
    },
  };
}
