import { describe, expect, it } from 'vitest';
import {
  checkConfigMapKey,
  checkDnsLabel,
  checkDnsSubdomain,
  checkEnvVarName,
  checkIp,
  checkLabelValue,
  checkPortName,
  checkQualifiedName,
  type NameCheck,
} from './names.ts';

const table: [string, NameCheck, string[], string[]][] = [
  ['DNS label', checkDnsLabel, ['a', '0', 'a-b', 'a'.repeat(63)], ['', 'A', '-a', 'a-', 'a.b', 'a_b', 'a\n', 'a'.repeat(64)]],
  ['DNS subdomain', checkDnsSubdomain, ['a', 'a.b-c.0', 'a'.repeat(253)], ['', '.', 'a..b', 'a.', '.a', 'A.b', 'a'.repeat(254)]],
  [
    'qualified name',
    checkQualifiedName,
    ['a', 'A_b.c', 'example.com/a', `${'a'.repeat(253)}/${'b'.repeat(63)}`],
    ['', '/a', 'a/', 'a/b/c', 'A.com/a', '-a', 'a b', 'b'.repeat(64)],
  ],
  ['label value', checkLabelValue, ['', 'a', 'A_b.c', '1'], ['-', 'a-', 'a b', 'a/b', 'a'.repeat(64)]],
  ['environment variable name', checkEnvVarName, ['A', '_a', 'a.b-c', '1A'], ['', 'a=b', 'ä', 'a\n']],
  ['config map key', checkConfigMapKey, ['a', '.a', 'A_b-c.d'], ['', '.', '..', '..a', 'a/b', 'a'.repeat(254)]],
  ['port name', checkPortName, ['http', 'a1', 'a-1'], ['', '80', 'HTTP', 'a--b', '-a', 'a-', 'a'.repeat(16)]],
  ['IP address', checkIp, ['1.2.3.4', '::1', '2001:db8::ffff'], ['', '1.2.3', '01.2.3.4', 'fe80::1%eth0', 'a']],
];

describe.each(table)('%s', (_, check, right, wrong) => {
  it.each(right)('accepts %j', (name) => {
    expect(check(name)).toEqual([]);
  });

  it.each(wrong)('refuses %j', (name) => {
    expect(check(name)).not.toEqual([]);
  });
});
