import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

function bench(name: string, ...args: string[]) {
  const file = fileURLToPath(new URL(`./${name}.bench.ts`, import.meta.url));
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--conditions=berth-source', file, ...args], { encoding: 'utf8' });
  return { status, stdout, stderr };
}

describe.each(['cni', 'images', 'pods', 'start'])('npm run bench -- %s', (name) => {
  it('shows how it is used', () => {
    const { status, stdout, stderr } = bench(name, '--help');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(new RegExp(`^Usage: npm run bench -- ${name} \\[options\\]`));
    expect(stdout).toContain('--count <n>');
  });

  it.each([
    [['--count', 'x'], /--count/],
    [['--count', '0'], /--count/],
    [['--cuont', '3'], /--cuont/],
    [['more'], /too many arguments/],
  ])('refuses %j in one line', (args, message) => {
    const { status, stdout, stderr } = bench(name, ...args);
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/\n\s+at /);
  });
});

it.each(['images', 'pods'])('%s has containerd as its only peer', (name) => {
  expect(bench(name, '--vs', 'docker')).toMatchObject({ status: 1, stderr: expect.stringMatching(/--vs.*docker.*containerd/) });
});

it('start knows its runtimes', () => {
  expect(bench('start', '--handlers', 'runc,nope')).toMatchObject({
    status: 1,
    stderr: expect.stringMatching(/--handlers.*nope.*runc, .*fake/),
  });
});

it('cni names the directories that hold no plugins', () => {
  expect(bench('cni', '--vs', '/proc')).toMatchObject({ status: 1, stderr: expect.stringMatching(/\/proc.*bridge and host-local/) });
});
