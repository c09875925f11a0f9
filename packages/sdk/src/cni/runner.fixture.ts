import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import { parseNetworkConfig } from './config.ts';
import { type Attachment, CniRunner, type Execution } from './runner.ts';
import type { NetworkConfigList } from './types.ts';

export const attachment: Attachment = { containerId: 'c1', netns: '/run/netns/c1', ifName: 'eth0' };

/** What the plugins print on ADD. */
export const result = JSON.stringify({ cniVersion: '1.0.0', ips: [{ address: '10.1.0.2/16' }] });

/** Lines of a shell script that print it. */
export const succeed = `echo '${result}'`;

/** Lines of one that fails with an error object. */
export const says = (code: number, msg: string) => `echo '{"cniVersion":"1.1.0","code":${code},"msg":"${msg}"}'; exit 1`;

/** Succeeds with the result on ADD and says nothing on any other verb, but for those of `fail`, which end as their scripts say. */
export const plugin = (fail: Record<string, string> = {}) =>
  ['case $CNI_COMMAND in', ...Object.entries(fail).map(([verb, script]) => `${verb}) ${script} ;;`), `ADD) ${succeed} ;;`, 'esac'].join(
    '\n',
  );

/** A network of plugins of these types. */
export function network(...types: string[]): NetworkConfigList {
  return networkOf({}, ...types);
}

/** The same with other keys of the list. */
export function networkOf(keys: object, ...types: string[]): NetworkConfigList {
  const plugins = types.map((type) => ({ type, capabilities: { portMappings: true }, mine: type }));
  return parseNetworkConfig(JSON.stringify({ cniVersion: '1.0.0', name: 'net', plugins, ...keys }), 'test');
}

/** Gives each test of the file a directory of plugins, runners that look there, and what these have executed. */
export function usePlugins() {
  let directory: string;
  const executions: Execution[] = [];
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'berth-cni-runner-'));
    executions.length = 0;
  });
  afterEach(() => rm(directory, { recursive: true }));

  const path = (...parts: string[]): string => join(directory, ...parts);

  /** A plugin that is a shell script; `$CNI_COMMAND` and stdin are there for it. */
  async function install(name: string, script: string, mode = 0o755): Promise<void> {
    await writeFile(path(name), `#!/bin/sh\n${script}\n`);
    await chmod(path(name), mode);
  }

  function runner({ timeLimitMs = 5000, tryAgainMs = 0 } = {}): CniRunner {
    return new CniRunner({
      pluginDirs: ['/nonexistent', directory],
      cacheDir: path('cache'),
      timeLimitMs,
      tryAgainMs,
      observe: (execution) => executions.push(execution),
    });
  }

  /** What has been called: `ADD one`. */
  const calls = (): string[] => executions.map((execution) => `${execution.verb} ${execution.plugin}`);

  const stdinOf = (index: number) => JSON.parse(executions[index]?.stdin ?? '{}');

  return { path, install, runner, executions, calls, stdinOf };
}
