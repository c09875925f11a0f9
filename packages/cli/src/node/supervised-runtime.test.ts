import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PluginError } from '@berth/sdk/errors';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SupervisedRuntime } from './supervised-runtime.ts';

const main = fileURLToPath(import.meta.resolve('@berth/runtime-fake/main'));
const never = new AbortController().signal;

let directory: string;
let runtime: SupervisedRuntime;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'berth-on-demand-'));
  const endpoint = `unix://${directory}/cri.sock`;
  // Fails until the file `ready` is there.
  const script = `if (!fs.existsSync('${directory}/ready')) { console.error('no such machine'); process.exit(1); } else import('${main}')`;
  const own = ['--listen', endpoint, '--root', directory, '--run', directory, '--handler', 'fake'];
  const args = ['--conditions=berth-source', '-e', script, 'main', ...own];
  runtime = new SupervisedRuntime({ handler: 'fake', endpoint, program: process.execPath, args }, directory, pino({ level: 'silent' }));
});

afterEach(async () => {
  await runtime.stop();
  rmSync(directory, { recursive: true });
});

describe('SupervisedRuntime', () => {
  it('starts once for all who ask, and says why where it does not come up', async () => {
    expect(runtime.started).toBe(false);
    await expect(runtime.start(never)).rejects.toThrow(/runtime fake: ended with exit status 1: no such machine/);
    expect(runtime.started).toBe(false);
    writeFileSync(join(directory, 'ready'), '');
    await Promise.all([runtime.start(never), runtime.start(never)]);
    expect(runtime.started).toBe(true);
    await runtime.stop();
    expect(existsSync(join(directory, 'cri.sock'))).toBe(false);
  });

  it('lets one who asks give up while the start goes on for the others', async () => {
    writeFileSync(join(directory, 'ready'), '');
    const other = runtime.start(never);
    await expect(runtime.start(AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough');
    await other;
  });

  it('does not start what its command refuses', async () => {
    const refusal = new PluginError('NOT_FOUND', 'not installed');
    const command = { handler: 'fake', endpoint: '', program: process.execPath, args: [], refusal };
    const refused = new SupervisedRuntime(command, directory, pino({ level: 'silent' }));
    await expect(refused.start(never)).rejects.toBe(refusal);
    await refused.stop();
  });

  it('can be stopped while it starts', async () => {
    writeFileSync(join(directory, 'ready'), '');
    const starting = expect(runtime.start(never)).rejects.toThrow();
    await runtime.stop();
    await starting;
    await expect(runtime.start(never)).rejects.toThrow(/the node is stopping/);
  });
});
