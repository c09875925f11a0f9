import type { RecordedExecution } from '@berth/sdk/call-record';
import type { Execution } from '@berth/sdk/cni/execution';

/** Of each text, as JSON: all three fit into what is kept of either end of a file of calls. */
const longestText = 16 * 1024;

/** What is kept of a plugin's execution. */
export function recordedExecution({ file, env, stdin, stdout, stderr, exitCode, signal }: Execution): RecordedExecution {
  return { file, env, stdin: shortened(stdin), stdout: shortened(stdout), stderr: shortened(stderr), exitCode, signal };
}

/** Its beginning and its end. */
function shortened(text: string): string {
  const written = JSON.stringify(text).length;
  if (written <= longestText) return text;
  const half = Math.floor((text.length * longestText) / written / 2);
  return `${text.slice(0, half)}\n... ${text.length - 2 * half} characters are left out ...\n${text.slice(-half)}`;
}
