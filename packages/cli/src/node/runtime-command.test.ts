import { describe, expect, it } from 'vitest';
import { readNodeConfiguration } from '../configuration/node-configuration.ts';
import { runtimeCommand, runtimeEntry } from './runtime-command.ts';

const directories = { root: '/r', run: '/n' };
const shims = { cni: { confDir: '/c', binDirs: ['/b1', '/b2'], cacheDir: '/r/cni' }, registry: { configPath: '/r/certs.d' } };

describe('runtimeCommand', () => {
  it('gives a package the flags that every runtimeMain reads, then its own', () => {
    const command = runtimeCommand({ handler: 'mine', command: ['@berth/runtime-fake', '--fast'] }, directories, shims);
    expect(command.program).toBe(process.execPath);
    expect(command.endpoint).toBe('unix:///n/mine.sock');
    const args = command.args.join(' ');
    expect(args).toMatch(
      /runtime-fake\/src\/main\.ts --listen unix:\/\/\/n\/mine\.sock --root \/r --run \/n --handler mine --cni-conf-dir \/c --cni-bin-dir \/b1 --cni-bin-dir \/b2 --registry-config-path \/r\/certs\.d --fast$/,
    );
  });

  it('runs any other program as written, with the variables replaced', () => {
    const entry = {
      handler: 'mine',
      endpoint: 'unix:///e.sock',
      command: ['/opt/server', '--at=$(ENDPOINT)', '$(ROOT)/x', '$(RUN)', '$(HANDLER)', '$(OTHER)'],
    };
    expect(runtimeCommand(entry, directories, shims)).toEqual({
      handler: 'mine',
      endpoint: 'unix:///e.sock',
      program: '/opt/server',
      args: ['--at=unix:///e.sock', '/r/x', '/n', 'mine', '$(OTHER)'],
    });
  });

  it('refuses a package that is not installed, by its name', () => {
    const { refusal } = runtimeCommand({ handler: 'mine', command: ['@berth/no-such'] }, directories, shims);
    expect(refusal?.message).toMatch(/runtime mine: package @berth\/no-such isn't installed; run "npm install @berth\/no-such"/);
  });

  it('refuses an entry without a command', () => {
    expect(() => runtimeCommand({ handler: 'mine', endpoint: 'unix:///e.sock' }, directories, shims)).toThrow(
      /runtime mine: it has no command/,
    );
  });
});

describe('runtimeEntry', () => {
  it('lists the known handlers for an unknown one', () => {
    expect(() => runtimeEntry(readNodeConfiguration(), 'nope')).toThrow(
      /handler nope: no runtime has this handler; use one of runc, .*fake/,
    );
  });
});
