import type { CommandResult } from '../node/kubelet-client.ts';

/** What a container can tell of its surroundings, in the order shown, each by a shell command whose output is the answer. */
const questions: Record<string, string> = {
  kernel: 'uname -sr',
  machine: 'uname -m',
  cpus: 'nproc',
  'memory seen': "sed -n 's/^MemTotal: *//p' /proc/meminfo",
  // No limit is `max` on cgroup v2, and the greatest number of pages, in bytes, on v1.
  'memory limit': 'cat /sys/fs/cgroup/memory.max || cat /sys/fs/cgroup/memory/memory.limit_in_bytes | sed s/^9223372036854771712$/max/',
  'process limit': 'cat /sys/fs/cgroup/pids.max || cat /sys/fs/cgroup/pids/pids.max',
  user: 'id -u; id -g',
  capabilities: "sed -n 's/^CapEff:[[:space:]]*//p' /proc/self/status",
  'seccomp mode': "sed -n 's/^Seccomp:[[:space:]]*//p' /proc/self/status",
  'addresses inside': "ip -o addr show scope global | sed 's/.*inet6* \\([^ ]*\\).*/\\1/'",
  'root file system': "sed -n 's/^[^ ]* \\/ \\([^ ]*\\) .*/\\1/p' /proc/mounts",
};

/** One command that asks them all: an exec costs more than the questions. */
export const insideCommand: string[] = [
  'sh',
  '-c',
  Object.entries(questions)
    .map(([name, command]) => `echo "${name}="$({ ${command}; } 2>/dev/null)`)
    .join('\n'),
];

/** The answers by question; a question that the container couldn't answer has an empty one. */
export function readInside({ stdout, stderr, exitCode }: CommandResult): Record<string, string> {
  const lines = stdout.toString().split('\n');
  const answers = lines.flatMap((line): [string, string][] => {
    const [, name, value] = /^([a-z ]+)=(.*)$/.exec(line) ?? [];
    return name !== undefined && name in questions ? [[name, value ?? '']] : [];
  });
  if (answers.length > 0) return Object.fromEntries(answers);
  const why = stderr.toString().trim().split('\n').at(-1) || 'no answer';
  return { inside: exitCode === 0 ? `(${why})` : `(exit status ${exitCode}: ${why})` };
}
