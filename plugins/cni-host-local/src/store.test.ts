import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { withLock } from './lock.ts';
import { others, small, useStore, wide } from './store.fixture.ts';

const { addresses, call, path, reserveForOthers, stored } = useStore();

describe('a store', () => {
  it("writes the reference plugin's files", async () => {
    await call({ ranges: [[{ subnet: '10.1.0.0/29' }], [{ subnet: 'fd00::/64' }]] });
    expect(stored()).toEqual(['10.1.0.2', 'fd00::2', 'last_reserved_ip.0', 'last_reserved_ip.1', 'lock']);
    expect(readFileSync(path('net/10.1.0.2'), 'latin1')).toBe('c1\r\neth0');
    expect(readFileSync(path('net/last_reserved_ip.1'), 'latin1')).toBe('fd00::2');
  });

  it('gives an address once, whatever the file of it says', async () => {
    await call(small);
    for (const [address, text] of Object.entries({ '10.1.0.3': '', '10.1.0.4': 'a note', '10.1.0.5': 'a\r\nb\r\nc' })) {
      writeFileSync(path('net', address), text);
    }
    expect(await addresses(small, { id: 'c2' })).toEqual(['10.1.0.6/29']);
  });

  it('gives no address whose file is a symbolic link to nothing', async () => {
    await call(small);
    symlinkSync('nothing', path('net/10.1.0.3'));
    expect(await addresses(small, { id: 'c2' })).toEqual(['10.1.0.4/29']);
  });

  it('names the lock that another process holds', async ({ onTestFinished }) => {
    await call(small);
    const file = path('net/lock');
    const holder = spawn('flock', [file, 'sh', '-c', 'echo held; read line'], { stdio: ['pipe', 'pipe', 'inherit'] });
    onTestFinished(() => void holder.kill());
    await once(holder.stdout, 'data');
    await expect(withLock(file, () => undefined, 50)).rejects.toMatchObject({
      cniCode: 11,
      message: `lock ${file}: is held by another process for more than 0.05 s; \`fuser ${file}\` tells which`,
    });
    holder.stdin.end();
    expect(await addresses(small, { id: 'c2' })).toEqual(['10.1.0.3/29']);
  });

  it('refuses a store of a newer version of this plugin', async () => {
    await call(small);
    writeFileSync(path('net/.index'), 'berth-host-local 2 something else\n');
    const rest = { cniVersion: '1.1.0', 'cni.dev/valid-attachments': [] };
    for (const verb of ['ADD', 'DEL', 'CHECK', 'GC', 'STATUS']) {
      expect(await call(small, { id: 'c2', verb, rest })).toMatchObject({
        code: 6,
        msg: expect.stringMatching(/net: was written by a newer version of host-local \(format 2, not 1\); update this plugin$/),
      });
    }
    expect(stored()).toEqual(['10.1.0.2', 'last_reserved_ip.0', 'lock']);
  });

  it('leaves nothing of the index where few addresses are left', async () => {
    await reserveForOthers();
    expect(await addresses(wide)).toEqual(['10.1.0.2/24']);
    expect(readdirSync(path('net'))).toContain('.index');
    await call(wide, { verb: 'DEL' });
    await call(wide, { verb: 'DEL', id: 'other-0' });
    expect(readdirSync(path('net'))).not.toContain('.index');
    for (let index = 1; index < others; index++) await call(wide, { verb: 'DEL', id: `other-${index}` });
    expect(readdirSync(path('net')).sort()).toEqual(['last_reserved_ip.0', 'lock']);
  });

  it('frees an address that an old reference plugin reserved without an interface', async () => {
    await call(small);
    writeFileSync(path('net/10.1.0.4'), 'old');
    await call(small, { verb: 'DEL', id: 'old' });
    expect(stored()).not.toContain('10.1.0.4');
  });
});

describe('after a crash', () => {
  it('frees the address of a container whose id is longer than any block that is read', async () => {
    const id = 'a'.repeat(9000);
    expect(await addresses(small, { id })).toEqual(['10.1.0.2/29']);
    expect(await call(small, { id, verb: 'CHECK' })).toEqual({});
    const inUse = { cniVersion: '1.1.0', 'cni.dev/valid-attachments': [{ containerID: id, ifname: 'eth0' }] };
    await call(small, { verb: 'GC', rest: inUse });
    expect(stored()).toContain('10.1.0.2');
    await call(small, { id, verb: 'DEL' });
    expect(stored()).not.toContain('10.1.0.2');
  });

  it('DEL removes what an ADD had begun to write', async () => {
    await call(small, { id: 'c2' });
    writeFileSync(path('net/.draft'), 'c1\r\neth0');
    await call(small, { verb: 'DEL' });
    expect(stored()).toEqual(['10.1.0.2', 'last_reserved_ip.0', 'lock']);
  });

  it('DEL finds an address that the index had not been told of', async () => {
    await reserveForOthers();
    await call(wide, { id: 'c2' });
    const index = readFileSync(path('net/.index'));
    await call(wide);
    expect(stored()).toContain('10.1.0.3');
    writeFileSync(path('net/.index'), index);
    await call(wide, { verb: 'DEL' });
    expect(stored()).toContain('10.1.0.2');
    expect(stored()).not.toContain('10.1.0.3');
  });
});
