import type { Handler, Handlers } from './handler.ts';

/** Whom the caller is, is remembered here; what it may become, the kernel checks, in whose memory it stands. */
const changeIdentity: Handler = (_call, { tasks }) => {
  tasks.forget();
  return 'continue';
};

/** Calls that change with which rights the caller opens files. */
export const identityCalls: Handlers = Object.fromEntries(
  'setuid setgid setreuid setregid setresuid setresgid setfsuid setfsgid setgroups capset'.split(' ').map((name) => [name, changeIdentity]),
);
