import { expect, it } from 'vitest';
import { identify, locate } from './programs.ts';

it('names a program that is missing, what it is for, and what to do', async () => {
  await expect(locate('no-such-runtime', 'makes containers')).rejects.toThrow(
    /^no-such-runtime: it is not on PATH, and it makes containers; install it/,
  );
  await expect(locate('/no/such/runtime', 'makes containers')).rejects.toThrow(/^\/no\/such\/runtime: there is no such program/);
});

it('refuses a program that tells no version', async () => {
  await expect(identify('true', 'makes containers', AbortSignal.timeout(10_000))).rejects.toThrow(
    /^true: ".*true --version" doesn't tell a version/,
  );
});
