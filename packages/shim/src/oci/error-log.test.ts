import { describe, expect, it } from 'vitest';
import { lastErrorMessage } from './error-log.ts';

describe('lastErrorMessage', () => {
  it('is the last error, whatever follows it', () => {
    const log = [
      '{"level":"error","msg":"first"}',
      '{"level":"error","msg":"second"}',
      '{"level":"warning","msg":"later"}',
      '{"level":"err',
    ];
    expect(lastErrorMessage(log.join('\n'))).toBe('second');
  });

  it('is nothing where the runtime only warned', () => {
    expect(lastErrorMessage('{"level":"warning","msg":"no cgroup"}\nplain text\n')).toBeUndefined();
    expect(lastErrorMessage('')).toBeUndefined();
  });
});
