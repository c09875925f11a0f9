import 'reflect-metadata';
import { expect, it } from 'vitest';
import { notRunStatus } from './exec.ts';

it.each([
  ['exec failed: unable to start container process: exec: "nosuch": executable file not found in $PATH', 127],
  ['exec failed: unable to start container process: exec: "/no/such": stat /no/such: no such file or directory', 127],
  ['executable file `nosuch` not found in $PATH: No such file or directory', 127],
  ['exec failed: unable to start container process: exec: "/etc": permission denied', 126],
  ['pod default/web: no such pod on this node', 1],
])('%s: exit status %i', (message, status) => {
  expect(notRunStatus(message)).toBe(status);
});
