import { allOf, carryOn, type Handler, type Handlers } from './handler.ts';

const changeIdentity: Handler = (_call, { tasks }) => {
  tasks.forget();
  return 'continue';
};

/** Numbers, names and rights of the caller itself: kept by the kernel, which checks the rights to change them. */
export const identityCalls: Handlers = {
  ...allOf(
    `getpid getppid gettid getuid geteuid getgid getegid getresuid getresgid getgroups getpgid getpgrp getsid capget getpriority
     setpgid setsid getrlimit prlimit64`,
    carryOn,
  ),
  ...allOf('setuid setgid setreuid setregid setresuid setresgid setfsuid setfsgid setgroups capset umask', changeIdentity),
};
