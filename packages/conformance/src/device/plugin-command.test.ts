import { afterEach, describe, expect, it, vi } from 'vitest';
import { commandLine } from './plugin-command.ts';

function as(uid: number, platform: NodeJS.Platform = 'linux'): void {
  vi.spyOn(process, 'getuid').mockReturnValue(uid);
  vi.stubGlobal('process', Object.create(process, { platform: { value: platform } }));
}

describe('commandLine', () => {
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.restoreAllMocks();
  });

  it('tells a command with {dir} its directory, wherever it has it', () => {
    const { program, parameters, env } = commandLine({ command: 'mine --dir {dir} --socket {dir}/mine.sock' }, '/run', '/changes');
    expect([program, ...parameters]).toEqual(['sh', '-c', 'mine --dir /run --socket /run/mine.sock']);
    expect(env.DEVICE_PLUGIN_DIRECTORY).toBe('/run');
  });

  it('gives any other, as root on Linux, the place where all kubelets are', () => {
    as(0);
    const { program, parameters } = commandLine({ command: 'mine' }, '/run', '/changes');
    expect(program).toBe('unshare');
    expect(parameters.slice(-4)).toEqual(['/run', '/var/lib/kubelet/device-plugins', '/changes', 'mine']);
  });

  it('gives it another place that the caller names', () => {
    as(0);
    expect(commandLine({ command: 'mine', pluginDirectory: '/opt/kubelet' }, '/run', '/changes').parameters).toContain('/opt/kubelet');
  });

  it.each([
    [1000, 'linux'],
    [0, 'darwin'],
  ] as const)('leaves it to the variable as user %s on %s, and refuses a place that it can not make', (uid, platform) => {
    as(uid, platform);
    expect(commandLine({ command: 'mine' }, '/run', '/changes').program).toBe('sh');
    expect(() => commandLine({ command: 'mine', pluginDirectory: '/opt/kubelet' }, '/run', '/changes')).toThrow(/needs root on Linux/);
  });

  it('refuses a place beside {dir}', () => {
    expect(() => commandLine({ command: 'mine {dir}', pluginDirectory: '/opt/kubelet' }, '/run', '/changes')).toThrow(
      /the command has \{dir\}/,
    );
  });
});
