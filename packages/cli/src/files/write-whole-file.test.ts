import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeWholeFile } from './write-whole-file.ts';

let directory: string;
const modes = { mode: 0o600, directoryMode: 0o700 };

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'berth-file-'));
});

afterEach(() => rmSync(directory, { recursive: true }));

describe('writeWholeFile', () => {
  it('makes the directory, and leaves the file alone in it', () => {
    const path = join(directory, 'made/state.json');
    writeWholeFile(path, 'text', modes);
    expect(readFileSync(path, 'utf8')).toBe('text');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readdirSync(join(directory, 'made'))).toEqual(['state.json']);
  });

  it('names the file that it could not write, and leaves nothing', () => {
    const path = join(directory, 'state.json');
    mkdirSync(path);
    expect(() => writeWholeFile(path, 'text', modes)).toThrow(new RegExp(`^can't write ${path}: .*EISDIR`));
    expect(readdirSync(directory)).toEqual(['state.json']);
  });

  it.skipIf(process.getuid?.() !== 0)(
    'on a full disk names the file and the cure, and the old text stays (needs root: it mounts a disk)',
    () => {
      const program = `
      const { readFileSync, readdirSync } = await import('node:fs');
      const { writeWholeFile } = await import(process.argv[1]);
      const path = process.argv[2] + '/state.json';
      writeWholeFile(path, 'old', { mode: 0o600, directoryMode: 0o700 });
      try {
        writeWholeFile(path, 'x'.repeat(1e6), { mode: 0o600, directoryMode: 0o700 });
      } catch (error) {
        console.log(JSON.stringify([error.message, readFileSync(path, 'utf8'), readdirSync(process.argv[2])]));
      }`;
      const module = fileURLToPath(new URL('./write-whole-file.ts', import.meta.url));
      const inside = 'mount -t tmpfs -o size=64k disk "$1" && exec "$2" --conditions=berth-source --input-type=module -e "$3" "$4" "$1"';
      const args = ['--mount', 'sh', '-c', inside, 'sh', directory, process.execPath, program, module];
      const [message, text, names] = JSON.parse(execFileSync('unshare', args, { encoding: 'utf8' }));
      expect(message).toBe(`can't write ${directory}/state.json: ENOSPC: no space left on device, write; free some space on its disk`);
      expect([text, names]).toEqual(['old', ['state.json']]);
    },
  );
});
