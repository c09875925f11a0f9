import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { cniDirectories } from '../../fixtures/cni-requirements.ts';

/** A plugin that breaks one rule, and the case that has to notice. */
export interface CniMutant {
  breaks: string;
  /** The plugin of ours that it runs for all else. */
  plugin: 'bridge' | 'host-local' | 'portmap';
  caughtBy: string;
  /** Part of the reason that the case gives: it fails for what is broken, not for something else. */
  saying: string;
  /** Lines of a shell script, after which the real plugin is executed. `$real` is its path, `$state` a directory of the mutant's. */
  script: string;
}

/** The answer of the real plugin goes through sed, its exit status stays. */
export function answering(edit: string, verb = 'ADD'): string {
  return on(verb, `answer=$("$real"); status=$?; printf '%s' "$answer" | sed '${edit}'; exit $status`);
}

/** What the real plugin reads goes through sed before. */
export function reading(edit: string): string {
  return `sed '${edit}' | "$real"; exit $?`;
}

/** The lines are for one verb only. */
export function on(verb: string, lines: string): string {
  return `if [ "$CNI_COMMAND" = ${verb} ]; then\n${lines}\nfi`;
}

/** After the real plugin has succeeded with the verb, something else is done. */
export function after(verb: string, lines: string): string {
  return on(verb, `"$real" || exit $?; ${lines}; exit 0`);
}

/** A refusal, as plugins print it. */
export function refusing(what: string): string {
  return `echo '{"cniVersion":"1.0.0","code":100,"msg":"${what}"}'; exit 1`;
}

/** In the shell script: the network namespace of the container, for `ip -netns`. */
export const container = '"$'.concat('{CNI_NETNS##*/}"');

export interface InstalledMutant {
  plugin: string;
  /** Where it finds the plugins that it delegates to. */
  path: string[];
  remove(): void;
}

/** The real plugin, or a mutant of it, as an executable in a directory of its own. */
export function installMutant({ plugin, script }: Pick<CniMutant, 'plugin' | 'script'>): InstalledMutant {
  const directory = mkdtempSync(join(tmpdir(), 'berth-cni-mutant-'));
  const [real, state, file] = [join(cniDirectories.ours, plugin), join(directory, 'state'), join(directory, plugin)];
  mkdirSync(state);
  const text = `${file}.sh`;
  writeFileSync(text, `#!/bin/sh\nreal='${real}' state='${state}'\n${script}\nexec "$real"\n`);
  // Written by another process: a file that this one has just had open can't always be executed, while other tests start programs.
  execFileSync('install', ['-m', '755', text, file]);
  return { plugin: file, path: [dirname(real)], remove: () => rmSync(directory, { recursive: true }) };
}
