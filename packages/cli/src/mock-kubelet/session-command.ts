import type { MockKubelet } from '@berth/sdk/mock-kubelet';

/** What a command of a session gives: `result` for programs, `lines` for people. */
export interface Answer {
  result: unknown;
  lines: readonly string[];
}

/** What a command works with. */
export interface SessionContext {
  kubelet: MockKubelet;
  /** Aborts when the session is to end. */
  signal: AbortSignal;
  /** How long `wait` waits. */
  waitMs: number;
}

/** A command of a session with a mock kubelet. */
export interface SessionCommand {
  /** What comes after its name. */
  usage: string;
  description: string;
  run(words: readonly string[], context: SessionContext): Promise<Answer> | Answer;
}
