import { expect, it } from 'vitest';
import { readable } from './command.ts';

it.each([
  [
    'logrus text',
    'time="2030-01-01T00:00:00Z" level=error msg="runc create failed: exec: \\"nope\\": executable file not found in $PATH"\n',
  ],
  [
    'JSON lines',
    '{"level":"debug","msg":"x"}\n{"level":"error","msg":"runc create failed: exec: \\"nope\\": executable file not found in $PATH"}\n',
  ],
  ['plain text', 'exec: "nope": executable file not found in $PATH\n'],
])('reads the error of an OCI runtime in %s', (_, printed) => {
  expect(readable(printed)).toBe('exec: "nope": executable file not found in $PATH');
});

it('shows a line that is no known form as it is', () => {
  expect(readable('{"level":')).toBe('{"level":');
  expect(readable('')).toBe('');
});
