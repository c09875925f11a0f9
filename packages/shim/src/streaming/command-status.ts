/** How an exec or attach ended: a metav1.Status, as the error stream carries it. */
export interface CommandStatus {
  metadata: Record<string, never>;
  status: 'Success' | 'Failure';
  message?: string;
  reason?: 'NonZeroExitCode' | 'InternalError';
  details?: { causes: { reason?: 'ExitCode'; message: string }[] };
  code?: number;
}

/** Of a process that ended by itself. */
export function exitStatus(exitCode: number): CommandStatus {
  if (exitCode === 0) return { metadata: {}, status: 'Success' };
  return {
    metadata: {},
    status: 'Failure',
    message: `command terminated with non-zero exit code: exit status ${exitCode}`,
    reason: 'NonZeroExitCode',
    details: { causes: [{ reason: 'ExitCode', message: String(exitCode) }] },
  };
}

/** Of what could not be run, or not to its end. */
export function failureStatus(message: string): CommandStatus {
  return {
    metadata: {},
    status: 'Failure',
    message: `Internal error occurred: ${message}`,
    reason: 'InternalError',
    details: { causes: [{ message }] },
    code: 500,
  };
}

/** What goes over the error stream: JSON from v4 of the protocol on; before that a failure's message, and nothing for success. */
export function encodeStatus(status: CommandStatus, structured: boolean): string {
  if (structured) return JSON.stringify(status);
  return status.status === 'Success' ? '' : (status.message ?? '');
}
