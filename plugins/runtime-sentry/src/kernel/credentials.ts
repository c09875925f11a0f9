import { readFileSync } from 'node:fs';
import { EPERM } from './errno.ts';
import { Area, hostCall } from './host-calls.ts';
import { numberOf } from './syscall-numbers.ts';
import { parseTask, type TaskCredentials } from './task.ts';

const setgroups = numberOf('setgroups');
const setfsuid = numberOf('setfsuid');
const setfsgid = numberOf('setfsgid');
const capset = numberOf('capset');
const gettid = numberOf('gettid');

// linux/capability.h
const CAPABILITY_VERSION_3 = 0x2008_0522;
const maximumGroups = 65_536;

/**
 * The credentials of this thread, to be lent to one file operation at a time: what the caller may not open, the Sentry doesn't open
 * for it. Each thread of a process has its own.
 */
export class Credentials {
  readonly #header = new Area(8);
  readonly #sets = new Area(24);
  readonly #groups = new Area(4 * 1024);
  readonly #own: TaskCredentials;
  #present: TaskCredentials;

  constructor() {
    const own = parseTask(readFileSync(`/proc/${hostCall(gettid)}/status`, 'latin1'));
    if (!own) throw new Error('/proc/self/status has no thread group');
    this.#own = own.credentials;
    this.#present = this.#own;
    this.#header.view.setUint32(0, CAPABILITY_VERSION_3, true);
  }

  /** Does `work` with the rights to files of `credentials`, and no others. */
  lend<Result>(credentials: TaskCredentials, work: () => Result): Result {
    const before = this.#present;
    this.#become(credentials);
    try {
      return work();
    } finally {
      this.#become(before);
    }
  }

  #become(wanted: TaskCredentials): void {
    if (wanted === this.#present) return;
    // Nobody else has the right to become somebody else.
    if (this.#present !== this.#own) this.#setEffective(this.#own.capabilities);
    if (!haveSameIds(wanted, this.#present)) this.#setIds(wanted);
    if (wanted !== this.#own) this.#setEffective(wanted.capabilities);
    this.#present = wanted;
  }

  /** The user last: with another one than root, the right to change the rest may be gone. */
  #setIds({ uid, gid, groups }: TaskCredentials): void {
    const count = Math.min(groups.length, maximumGroups, this.#groups.bytes.length / 4);
    for (let at = 0; at < count; at++) this.#groups.view.setUint32(4 * at, groups[at] as number, true);
    check(hostCall(setgroups, count, this.#groups.address), 'setgroups');
    hostCall(setfsgid, gid);
    hostCall(setfsuid, uid);
    // It reports no failure, only who one is: asked with an id that is none.
    check(hostCall(setfsuid, -1) === uid ? 0 : -EPERM, 'setfsuid');
  }

  /** What isn't permitted to this process can't become effective. */
  #setEffective(wanted: [number, number]): void {
    const { view } = this.#sets;
    for (const half of [0, 1] as const) {
      const permitted = this.#own.capabilities[half];
      view.setUint32(12 * half, (wanted[half] & permitted) >>> 0, true);
      view.setUint32(12 * half + 4, permitted, true);
      view.setUint32(12 * half + 8, 0, true);
    }
    check(hostCall(capset, this.#header.address, this.#sets.address), 'capset');
  }
}

function haveSameIds(one: TaskCredentials, other: TaskCredentials): boolean {
  const sameGroups = one.groups.length === other.groups.length && one.groups.every((group, at) => group === other.groups[at]);
  return one.uid === other.uid && one.gid === other.gid && sameGroups;
}

/** Going on with somebody else's rights would be worse than ending. */
function check(result: number, call: string): void {
  if (result < 0) throw new Error(`${call} failed with errno ${-result}`);
}
