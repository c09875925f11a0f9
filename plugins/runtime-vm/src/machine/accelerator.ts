import { stat } from 'node:fs/promises';
import { PluginError } from '@berth/sdk/errors';
import { readJson, writeJson } from '@berth/shim/files/json-file';
import { runProgram } from '@berth/shim/run-program';
import type { Logger } from 'pino';
import type { Accelerator, MachineParts } from './machine-config.ts';
import { probeArguments } from './qemu-arguments.ts';

export type AcceleratorChoice = Accelerator | 'auto';

/** A guest's kernel takes well under a second to its first process where KVM works. */
const probeLimitMs = 5000;

/** What a probe found, and of which QEMU and kernel. */
interface Probe {
  of: string;
  problem: string | undefined;
}

/**
 * The accelerator to use. `auto` takes KVM only once a guest's kernel has been seen to start under it: on some hosts, virtual
 * machines themselves, /dev/kvm opens and guests hang. `record` keeps what was found, in a folder that a reboot clears.
 */
export async function chooseAccelerator(
  choice: AcceleratorChoice,
  parts: MachineParts,
  { record, log, signal }: { record: string; log: Logger; signal: AbortSignal },
): Promise<Accelerator> {
  if (choice === 'tcg') return 'tcg';
  const problem = await kvmProblem(parts, record, signal);
  if (problem === undefined) return 'kvm';
  if (choice === 'kvm') throw new PluginError('FAILED_PRECONDITION', problem, { object: 'KVM', hint: 'choose --accelerator tcg' });
  log.warn({ problem }, 'machines are emulated, which is several times slower: KVM does not work here');
  return 'tcg';
}

/** Why KVM can't be used, or undefined if it can. */
async function kvmProblem(parts: MachineParts, record: string, signal: AbortSignal): Promise<string | undefined> {
  if (!(await stat('/dev/kvm').catch(() => undefined))) return 'there is no /dev/kvm';
  const of = await fingerprint(parts);
  const known = await readJson<Probe>(record);
  if (known?.of === of) return known.problem;
  const problem = await probe(parts, signal);
  await writeJson(record, { of, problem } satisfies Probe);
  return problem;
}

async function probe(parts: MachineParts, signal: AbortSignal): Promise<string | undefined> {
  try {
    await runProgram(parts.setpriv, ['--pdeathsig', 'KILL', parts.qemu, ...probeArguments(parts, 'kvm')], {
      signal,
      timeoutMs: probeLimitMs,
    });
    return undefined;
  } catch (error) {
    signal.throwIfAborted();
    const { code, message } = PluginError.from(error);
    return code === 'DEADLINE_EXCEEDED' ? `a guest's kernel doesn't start under it within ${probeLimitMs / 1000} s` : message;
  }
}

async function fingerprint({ qemu, kernel }: MachineParts): Promise<string> {
  const stats = await Promise.all([qemu, kernel].map(async (path) => ({ path, ...(await stat(path)) })));
  return stats.map(({ path, size, mtimeMs }) => `${path} ${size} ${mtimeMs}`).join(' ');
}
