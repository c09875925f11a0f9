import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cgroupUsage } from '@berth/sdk/cgroup/cgroup-usage';
import type { Usage } from '@berth/sdk/cgroup/usage';

/** The cgroups of a host of v1 or v2, by paths in cgroupfs notation. */
export class CgroupTree {
  readonly mount: string;
  readonly unified: boolean;

  constructor(mount = '/sys/fs/cgroup') {
    this.mount = mount;
    this.unified = existsSync(join(mount, 'cgroup.controllers'));
  }

  usage(path: string): Usage | undefined {
    return cgroupUsage(path, this.mount);
  }

  /** Where a v1 controller has the cgroup; with v2 there is one place for all. */
  directory(controller: string, path: string): string {
    if (this.unified) return join(this.mount, path);
    const own = join(this.mount, controller);
    return join(existsSync(own) || !controller.startsWith('cpu') ? own : join(this.mount, 'cpu,cpuacct'), path);
  }

  /** The cgroup of a container, which its runtime made below the pod's and named after its id (`ID`, `cri-containerd-ID.scope`). */
  async containerCgroup(podCgroup: string, id: string): Promise<string | undefined> {
    const entries = await readdir(this.directory('memory', podCgroup), { withFileTypes: true }).catch(() => []);
    const own = entries.find((entry) => entry.isDirectory() && entry.name.includes(id));
    return own && join(podCgroup, own.name);
  }

  /** A process in the cgroup or below it; undefined where there is none. */
  async anyProcess(path: string): Promise<number | undefined> {
    const directory = this.directory('memory', path);
    const [first] = (await readFile(join(directory, 'cgroup.procs'), 'utf8').catch(() => '')).split('\n');
    if (first) return Number(first);
    const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
    for (const entry of entries.filter((candidate) => candidate.isDirectory())) {
      const found = await this.anyProcess(join(path, entry.name));
      if (found !== undefined) return found;
    }
    return undefined;
  }
}
