import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, cpSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { bootstrapDebian, suite } from '../../setup/debian/bootstrap.mjs';
import { findOnPath, repository } from '../fixtures/tools.ts';

/** What a minimal Debian doesn't have: Node 18 and npm, what they need to reach a registry, and the way to root. */
const packages = ['nodejs', 'npm', 'ca-certificates', 'sudo'];

/** How this machine reaches its registries is no part of what is tested. */
const ways = ['/etc/ssl/certs/ca-certificates.crt', '/etc/resolv.conf', '/etc/hosts', '/etc/apt/apt.conf', '/etc/apt/apt.conf.d'];
const passedVariables = ['http_proxy', 'https_proxy', 'no_proxy', 'HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'NODE_EXTRA_CA_CERTS'];

/**
 * The mounts are in a namespace of their own, so they are gone when the command is, however it ends. So are its processes. The root is
 * bound onto itself because a container's root can only be made below a mount point. The shell stays, to reap as process 1.
 */
const enter = `
root=$1 directory=$2; shift 2
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
for tree in dev sys; do mount --rbind "/$tree" "$root/$tree"; mount --make-rslave "$root/$tree"; done
status=0
chroot "$root" /bin/sh -c 'cd "$0" && exec "$@"' "$directory" "$@" || status=$?
exit "$status"
`;

/** What a command in the chroot did. */
export interface Outcome {
  status: number | null;
  /** stdout and stderr together. */
  output: string;
  durationMs: number;
}

interface RunOptions {
  directory?: string;
  timeoutMs?: number;
}

/** Why no chroot can be made here, or undefined if one can. */
export function chrootMissing(): string | undefined {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'a chroot needs root on Linux';
  return findOnPath('mmdebstrap') ? undefined : 'mmdebstrap is not on PATH';
}

/** An ordinary user who may use sudo. */
export const user = { name: 'berth', home: '/home/berth' };

/** A minimal Debian 12 in a folder: what a user's fresh machine has. Made once and kept, since that takes a minute. */
export class DebianChroot {
  readonly root: string;

  private constructor(root: string) {
    this.root = root;
  }

  static async make(): Promise<DebianChroot> {
    const root = join(repository, '.cache/chroot', [suite, ...packages].join('-'));
    if (!existsSync(root)) await bootstrapDebian(root, { variant: 'minbase', packages });
    for (const path of ways) if (existsSync(path)) cpSync(path, join(root, path), { recursive: true, dereference: true });
    const debian = new DebianChroot(root);
    await debian.makeUser();
    return debian;
  }

  /** With a fresh home, but for the settings that this machine's npm needs. */
  private async makeUser(): Promise<void> {
    this.remove(user.home);
    await this.run(['useradd', user.name]);
    const settings = join(homedir(), '.npmrc');
    mkdirSync(join(this.root, user.home));
    if (existsSync(settings)) copyFileSync(settings, join(this.root, user.home, '.npmrc'));
    writeFileSync(join(this.root, 'etc/sudoers.d', user.name), `${user.name} ALL=(ALL) NOPASSWD: ALL\n`, { mode: 0o440 });
    await this.give(user.home);
  }

  /** Makes the user the owner of all in a folder. */
  async give(directory: string): Promise<void> {
    const { status, output } = await this.run(['chown', '--recursive', `${user.name}:`, directory]);
    if (status !== 0) throw new Error(`chown of ${directory} ended with ${status}\n${output}`);
  }

  /** Copies files of this machine, given relative to `from`, into a folder of the chroot. */
  copyIn(from: string, files: string[], directory: string): void {
    for (const file of files) {
      const target = join(this.root, directory, file);
      mkdirSync(dirname(target), { recursive: true });
      copyFileSync(join(from, file), target);
    }
  }

  remove(...paths: string[]): void {
    for (const path of paths) rmSync(join(this.root, path), { recursive: true, force: true });
  }

  /** Runs a command as the user. */
  runAsUser(command: string[], options: RunOptions = {}): Promise<Outcome> {
    return this.run(['runuser', '-u', user.name, '--', 'env', `HOME=${user.home}`, ...command], options);
  }

  /** Runs a command as root in `directory` of the chroot, with this machine's kernel, devices, cgroups and network. */
  async run(command: string[], { directory = '/', timeoutMs = 60_000 }: RunOptions = {}): Promise<Outcome> {
    const env: NodeJS.ProcessEnv = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/root', LANG: 'C.UTF-8' };
    for (const name of passedVariables) if (process.env[name]) env[name] = process.env[name];
    const namespaces = ['--mount', '--propagation', 'slave', '--pid', '--fork', '--kill-child'];
    const started = performance.now();
    const { status, output } = await capture(
      'unshare',
      [...namespaces, 'sh', '-ec', enter, 'sh', this.root, directory, ...command],
      env,
      timeoutMs,
    );
    return { status, output, durationMs: performance.now() - started };
  }

  /** Bytes that the chroot takes on disk. */
  async diskUsage(): Promise<number> {
    const { output } = await capture('du', ['--summarize', '--one-file-system', '--block-size=1', this.root], process.env, 60_000);
    return Number.parseInt(output, 10);
  }
}

async function capture(
  program: string,
  args: string[],
  env: NodeJS.ProcessEnv,
  timeoutMs: number,
): Promise<{ status: number | null; output: string }> {
  const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'], timeout: timeoutMs, killSignal: 'SIGKILL' });
  const ended = once(child, 'close');
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  const [status] = (await ended) as [number | null];
  return { status, output: `${stdout}${stderr}` };
}
