import { RawProgram } from '../fixtures/raw-program.ts';
import { SentryPod } from '../fixtures/sentry-pod.ts';
import { pauseForInterruption } from './interruption.ts';

const callsMeasured = 1000;

/** Microseconds of one system call under a Sentry: one that it answers, with the seccomp round trip that this takes, and one left to the kernel. */
export async function sentryCalls(): Promise<{ answered: number; leftToKernel: number }> {
  pauseForInterruption();
  const pod = await SentryPod.start({ ownProcessGroup: true });
  try {
    return { answered: await timeOf(pod, 'uname'), leftToKernel: await timeOf(pod, 'getppid') };
  } finally {
    await pod.stop();
  }
}

async function timeOf(pod: SentryPod, call: 'uname' | 'getppid'): Promise<number> {
  const program = new RawProgram();
  const began = program.buffer(16);
  const name = program.buffer(390);
  const ended = program.buffer(16);
  const monotonic = 1;
  program.call('clock_gettime', monotonic, began);
  for (let made = 0; made < callsMeasured; made++) program.call(call, name);
  program.call('clock_gettime', monotonic, ended);
  const { buffers } = await pod.raw(program);
  const [first, , last] = buffers.map(microseconds);
  return ((last as number) - (first as number)) / callsMeasured;
}

/** Of a struct timespec. */
function microseconds(timespec: Buffer): number {
  return Number(timespec.readBigInt64LE(0)) * 1e6 + Number(timespec.readBigInt64LE(8)) / 1e3;
}
