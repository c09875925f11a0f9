import type { Kernel } from '../kernel.ts';
import type { Answer, LaterAnswer, SystemCall } from '../notifications.ts';

/** Answers one system call. Names of arguments are those of its manual page. */
export type Handler = (call: SystemCall, kernel: Kernel) => Answer | LaterAnswer;

/** Handlers by the names of their calls. */
export type Handlers = Record<string, Handler>;
