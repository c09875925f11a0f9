import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { KubeletConfiguration } from '@berth/kubelet/kubelet-configuration';
import { PluginError } from '@berth/sdk/errors';
import type { Logger } from 'pino';

const toolLimitMs = 5000;

/** Where the kernel tells of the host. */
interface KernelFiles {
  proc: string;
  cgroupMount: string;
}

/** What the configuration says of the host is there or not; FAILED_PRECONDITION names the field that decides. */
export function checkHost(
  { failSwapOn, failCgroupV1, memorySwap, singleProcessOOMKill }: KubeletConfiguration,
  { proc, cgroupMount }: KernelFiles = { proc: '/proc', cgroupMount: '/sys/fs/cgroup' },
): void {
  const [, ...swaps] = textOf(join(proc, 'swaps')).trim().split('\n');
  if (failSwapOn && swaps.length > 0) {
    throw new PluginError('FAILED_PRECONDITION', `swap is on: ${swaps.map((line) => line.split(/\s/)[0]).join(', ')}`, {
      object: 'this host',
      hint: 'turn it off with swapoff -a, or set failSwapOn: false in the kubelet configuration',
    });
  }
  if (existsSync(join(cgroupMount, 'cgroup.controllers'))) return;
  if (failCgroupV1) throw withCgroupV1('set failCgroupV1: false');
  if (memorySwap.swapBehavior === 'LimitedSwap') throw withCgroupV1('leave memorySwap.swapBehavior out');
  if (singleProcessOOMKill === false) throw withCgroupV1('leave singleProcessOOMKill out');
}

function withCgroupV1(change: string): PluginError {
  return new PluginError('FAILED_PRECONDITION', 'it has cgroup v1', {
    object: 'this host',
    hint: `boot it with systemd.unified_cgroup_hierarchy=1, or ${change} in the kubelet configuration`,
  });
}

/** Gives this process its OOM score; where it may not, one line of the log says so, as kubelet's does. */
export function setOomScore({ oomScoreAdj }: KubeletConfiguration, log: Logger, file = '/proc/self/oom_score_adj'): void {
  try {
    writeFileSync(file, String(oomScoreAdj));
  } catch (thrown) {
    const { message } = PluginError.from(thrown, 'PERMISSION_DENIED', {
      object: `oomScoreAdj ${oomScoreAdj}`,
      hint: `start the kubelet with CAP_SYS_RESOURCE, or set oomScoreAdj in the kubelet configuration to ${textOf(file).trim() || 0}`,
    });
    log.warn(`the kubelet's OOM score stays as it is: ${message}`);
  }
}

/** Gives this process its limit of open files, above what it has if the host lets it; where it may not, that is logged, as kubelet does. */
export function setOpenFileLimit({ maxOpenFiles }: KubeletConfiguration, log: Logger): void {
  const { status, stderr, error } = spawnSync('prlimit', ['--pid', String(process.pid), `--nofile=${maxOpenFiles}:${maxOpenFiles}`], {
    encoding: 'utf8',
    timeout: toolLimitMs,
  });
  if (status !== 0) log.warn({ reason: error?.message ?? stderr.trim(), maxOpenFiles }, "the kubelet's limit of open files stays as it is");
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
