import { describe, expect, it } from 'vitest';
import { PluginProcess } from './plugin-process.ts';

let runs = 0;

/** A shell script as a plugin's command. */
function started(script: string): PluginProcess {
  const env = { ...process.env, DEVICE_PLUGIN_DIRECTORY: `/nowhere/${process.pid}-${runs++}` };
  return new PluginProcess({ program: 'sh', parameters: ['-c', script], env });
}

describe('PluginProcess', () => {
  it('tells how the command ended, and what it said', async () => {
    const plugin = started('echo no adapter >&2; exit 4');
    expect(await plugin.endsWithin(5_000)).toBe(true);
    await expect.poll(() => plugin.lastWords).toBe('the command ended with 4; it said: no adapter');
  });

  it('shows the last lines of a command that says much, and no half ones', async () => {
    const plugin = started('i=0; while [ $i -lt 1000 ]; do i=$((i + 1)); echo "line $i"; done; exit 4');
    expect(await plugin.endsWithin(5_000)).toBe(true);
    await expect.poll(() => plugin.lastWords).toMatch(/^the command ended with 4; it said: \.\.\.\nline \d+\n(line \d+\n)+line 1000$/);
    expect(plugin.lastWords.length).toBeLessThan(2_100);
    expect(plugin.lastWords.length).toBeGreaterThan(1_900);
  });

  it('says so of a command that can not be started', async () => {
    const plugin = new PluginProcess({ program: '/nowhere/sh', parameters: [], env: {} });
    expect(await plugin.endsWithin(5_000)).toBe(true);
    expect(plugin.lastWords).toContain('ENOENT');
  });

  it.runIf(process.platform === 'linux')('has not ended before all of its group has, though the shell has', async () => {
    const plugin = started('sleep 30 & sleep 0.1');
    expect(await plugin.endsWithin(300)).toBe(false);
    await plugin.kill();
    expect(plugin.ended.aborted).toBe(true);
  });

  it.runIf(process.platform === 'linux')('finds a process that has left the group, and kills it', async () => {
    const plugin = started('setsid sleep 31 & exit 0');
    expect(await plugin.endsWithin(5_000)).toBe(true);
    await expect.poll(() => plugin.leftAfter(0)).toEqual([expect.stringMatching(/^process \d+ \(sleep 31\)$/)]);
    await plugin.kill();
    expect(await plugin.leftAfter(2_000)).toEqual([]);
  });
});
