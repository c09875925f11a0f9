import { readdir, stat } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { ifThere } from './if-there.ts';

it.each(['/no/such/file', '/etc/passwd/below'])('nothing is at %s', async (path) => {
  expect(await ifThere(path, stat(path))).toBeUndefined();
});

it('what can be found is given', async () => {
  expect(await ifThere('/etc', readdir('/etc'))).toContain('passwd');
});

it("a path that can't be looked at is no absence", async () => {
  const path = `/${'long'.repeat(2000)}`;
  await expect(ifThere(path, stat(path))).rejects.toMatchObject({ object: path });
});
