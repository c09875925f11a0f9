import type { AllowedUsers } from '../allowed-users.ts';
import { PluginError } from '../errors.ts';
import { knowsPeers } from '../peer-credentials.ts';

/** Whose kubelet a plugin works with. */
export class AllowedCallers {
  /** For the plugin's own socket; undefined where nobody can tell who calls, and nobody has asked for it by name. */
  readonly checked: AllowedUsers | undefined;
  readonly #uids: readonly number[];
  readonly #told = new Set<number | undefined>();

  /** `uids` left out: root, and the user that this runs as. Throws FAILED_PRECONDITION where they are given and can't be checked. */
  constructor(uids: readonly number[] | undefined, log: (message: string) => void) {
    this.#uids = uids ?? [...new Set([0, process.getuid?.() ?? 0])];
    if (uids !== undefined || knowsPeers()) this.checked = { uids: this.#uids, onRefused: (uid) => this.#tell(uid, log) };
    if (uids !== undefined && !knowsPeers()) {
      throw new PluginError('FAILED_PRECONDITION', 'who calls can be told on Linux only, with the package koffi', {
        object: 'option allowedUids',
        hint: 'npm install koffi, or leave the option out',
      });
    }
  }

  /** What is wrong with a kubelet whose socket this user has made. */
  problemWith(owner: number): string | undefined {
    if (this.#uids.includes(owner)) return undefined;
    return `the kubelet's socket is the user ${owner}'s, and only those of ${this.#uids.join(' and ')} are trusted (allowedUids)`;
  }

  #tell(uid: number | undefined, log: (message: string) => void): void {
    if (this.#told.has(uid)) return;
    this.#told.add(uid);
    log(
      `refused a call of ${uid === undefined ? 'a user that is not known' : `the user ${uid}`}: only ${this.#uids.join(' and ')} may call`,
    );
  }
}
