import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Supervisor } from './supervisor.ts';

const log = pino({ level: 'error' }, { write: (line: string) => void logged.push(JSON.parse(line)) });
let logged: object[];

let directory: string;
let supervisor: Supervisor | undefined;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'berth-supervisor-'));
  logged = [];
});

afterEach(async () => {
  await supervisor?.stop();
  rmSync(directory, { recursive: true });
});

function supervise(script: string): Supervisor {
  supervisor = new Supervisor(
    { handler: 'test', endpoint: 'unix:///unused', program: process.execPath, args: ['-e', script] },
    directory,
    log,
  );
  supervisor.start();
  return supervisor;
}

/** A probe that succeeds once the script has written the file. */
function written(name: string): () => Promise<void> {
  return async () => {
    if (!existsSync(join(directory, name))) throw new Error('not yet');
  };
}

describe('Supervisor', () => {
  it('is ready when the probe succeeds, and keeps what the process says', async () => {
    const script = `console.log('hello'); require('fs').writeFileSync(${JSON.stringify(join(directory, 'up'))}, ''); setInterval(() => {}, 1000)`;
    await supervise(script).ready(written('up'), 10_000);
    await supervisor?.stop();
    expect(readFileSync(join(directory, 'test.log'), 'utf8')).toBe('hello\n');
  });

  it('tells the process whose child it is, by which others see later that it has lost its node', async () => {
    const script = `require('fs').writeFileSync(${JSON.stringify(join(directory, 'up'))}, process.env.BERTH_SUPERVISED); setInterval(() => {}, 1000)`;
    await supervise(script).ready(written('up'), 10_000);
    expect(readFileSync(join(directory, 'up'), 'utf8')).toBe(`${process.pid}`);
  });

  it('says what a process said that ends at its start', async () => {
    await expect(supervise(`console.error('no such device'); process.exit(3)`).ready(written('never'), 10_000)).rejects.toThrow(
      /runtime test: ended with exit status 3: no such device; its log is .*test\.log/,
    );
    expect(logged).toEqual([]);
  });

  it('says so at once if a signal ends the process at its start', async () => {
    await expect(supervise(`process.kill(process.pid, 'SIGKILL')`).ready(written('never'), 10_000)).rejects.toThrow(
      /runtime test: ended with SIGKILL/,
    );
  });

  it('says that a process does not answer', async () => {
    await expect(supervise('setInterval(() => {}, 1000)').ready(written('never'), 300)).rejects.toThrow(/didn't answer within 0.3 s/);
  });

  it('starts a process that dies again, and says so', async () => {
    const file = JSON.stringify(join(directory, 'starts'));
    const second = JSON.stringify(join(directory, 'second'));
    const script = `const fs = require('fs'); if (fs.existsSync(${file})) { fs.writeFileSync(${second}, ''); setInterval(() => {}, 1000) } else { fs.writeFileSync(${file}, ''); setTimeout(() => process.kill(process.pid, 'SIGKILL'), 200) }`;
    await supervise(script).ready(written('starts'), 10_000);
    await vi.waitUntil(() => existsSync(join(directory, 'second')), { timeout: 10_000 });
    expect(logged).toMatchObject([{ handler: 'test', ending: 'ended with SIGKILL', msg: 'runtime ended, starting it again' }]);
  });

  it('names at once a program that is not there', async () => {
    supervisor = new Supervisor({ handler: 'test', endpoint: 'unix:///unused', program: '/no/such/program', args: [] }, directory, log);
    supervisor.start();
    await expect(supervisor.ready(written('never'), 10_000)).rejects.toThrow(
      /runtime test: couldn't be started: spawn \/no\/such\/program ENOENT/,
    );
  });

  it('says why its log can not be made', async () => {
    writeFileSync(join(directory, 'test'), '');
    const command = { handler: 'test', endpoint: 'unix:///unused', program: process.execPath, args: ['-e', ''] };
    supervisor = new Supervisor(command, join(directory, 'test/logs'), log);
    supervisor.start();
    await expect(supervisor.ready(written('never'), 10_000)).rejects.toThrow(/runtime test: couldn't be started.*ENOTDIR/);
  });
});
