/** Turns what the kernel tells of one process of the container into what the container may see of it. Pure. */
type View = (text: Buffer) => Buffer;

const asItIs: View = (text) => text;

/** Files below /proc/PID, each a view of the kernel's file of that name. What isn't here isn't there. */
export const processFiles: Readonly<Record<string, View>> = {
  status: (text) => keepLines(text),
  mounts: (text) => plainMounts(text),
  stat: asItIs,
  statm: asItIs,
  comm: asItIs,
  cmdline: asItIs,
  environ: asItIs,
  maps: asItIs,
  oom_score_adj: asItIs,
  limits: asItIs,
};

/** Links below /proc/PID that name a path. */
export const processLinks: ReadonlySet<string> = new Set(['exe', 'cwd', 'root']);

const shownFields = new Set(
  `Name Umask State Tgid Pid PPid TracerPid Uid Gid FDSize Groups VmPeak VmSize VmLck VmPin VmHWM VmRSS VmData VmStk VmExe VmLib VmSwap Threads
   SigPnd ShdPnd SigBlk SigIgn SigCgt CapInh CapPrm CapEff CapBnd CapAmb NoNewPrivs
   Cpus_allowed Cpus_allowed_list Mems_allowed Mems_allowed_list`.split(/\s+/),
);

/** Without the numbers in outer namespaces, and the filter by which the Sentry works. */
function keepLines(text: Buffer): Buffer {
  const lines = text.toString('latin1').split('\n');
  return Buffer.from(
    lines
      .filter((line) => shownFields.has(line.slice(0, line.indexOf(':'))))
      .map((line) => `${line}\n`)
      .join(''),
    'latin1',
  );
}

const shownOptions = new Set(['ro', 'rw', 'nosuid', 'nodev', 'noexec']);

/** Without sources and options that name places of the host, and without what hides parts of the kernel's own /proc. */
function plainMounts(text: Buffer): Buffer {
  const mounts = text
    .toString('latin1')
    .split('\n')
    .filter(Boolean)
    .map((line) => line.split(' '))
    .filter(([, place = '']) => !place.startsWith('/proc/'));
  return Buffer.from(
    mounts
      .map(([, place, type, options = '']) => {
        const shown = options.split(',').filter((option) => shownOptions.has(option));
        return `none ${place} ${type} ${shown.join(',')} 0 0\n`;
      })
      .join(''),
    'latin1',
  );
}
