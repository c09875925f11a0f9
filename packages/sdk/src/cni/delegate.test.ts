import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { executeDelegate } from './delegate.ts';
import { printingTo, tellPrintingApart } from './printing.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'berth-cni-delegate-'));
});
afterEach(() => rm(directory, { recursive: true }));

async function call(script: string, verb: 'ADD' | 'DEL' = 'ADD', stdin = '{"name":"net"}') {
  await writeFile(join(directory, 'ipam'), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return executeDelegate({
    type: 'ipam',
    verb,
    env: { PATH: process.env.PATH, CNI_COMMAND: verb },
    path: ['/nonexistent', directory],
    stdin,
  });
}

describe('executeDelegate', () => {
  it('hands over the environment and stdin, and reads the result', async () => {
    expect(await call('printf \'{"verb":"%s","config":%s}\' $CNI_COMMAND "$(cat)"')).toEqual({ verb: 'ADD', config: { name: 'net' } });
  });

  it('keeps the code and details of the error object', async () => {
    await expect(call(`echo '{"code":11,"msg":"later","details":"busy"}'; exit 1`)).rejects.toMatchObject({
      cniCode: 11,
      message: 'plugin ipam, ADD: later',
      details: 'busy',
    });
  });

  it('reads the error of a plugin that ends without reading a large configuration', async () => {
    const large = JSON.stringify({ name: 'net', padding: 'x'.repeat(1_000_000) });
    await expect(call(`echo '{"code":7,"msg":"wrong"}'; exit 1`, 'ADD', large)).rejects.toMatchObject({ cniCode: 7 });
  });

  it('passes on what the plugin prints on standard error', async () => {
    let printed = '';
    const undo = tellPrintingApart();
    const printing = {
      stdout: () => undefined,
      stderr(text: string) {
        printed += text;
      },
    };
    await printingTo(printing, () => call(`echo "looks for an address" >&2; echo '{}'`)).finally(undo);
    expect(printed).toBe('looks for an address\n');
  });

  it('says what a plugin printed instead', async () => {
    await expect(call('echo broken >&2; exit 2')).rejects.toThrow('plugin ipam, ADD: exit status 2 and no error object: broken');
    await expect(call('echo broken')).rejects.toThrow('plugin ipam, ADD: printed no result: broken');
  });

  it('asks for no output on DEL', async () => {
    expect(await call('true', 'DEL')).toBeUndefined();
  });
});
