import type { CaseReport, Report } from '../suite.ts';
import { escapeMarkup } from './markup.ts';

/** JUnit's XML as CI systems read it: a test suite for each group, the clause as a property, times in seconds. */
export function junitReport({ suite, target, summary, cases, leftBehind }: Report): string {
  const groups = Map.groupBy(cases, ({ group }) => group);
  const total = counts(cases);
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="${attribute(`${suite} ${target}`)}" ${total}>`,
    ...[...groups].flatMap(([group, members]) => [
      `  <testsuite name="${attribute(`${suite}.${group}`)}" ${counts(members)}>`,
      ...properties(
        { target, rpcsCovered: `${summary.rpcsCovered}/${summary.rpcsTotal}`, ...(leftBehind !== undefined && { leftBehind }) },
        '    ',
      ),
      ...members.flatMap((one) => testCase(suite, one)),
      '  </testsuite>',
    ]),
    '</testsuites>',
    '',
  ].join('\n');
}

function testCase(suite: string, one: CaseReport): string[] {
  const head = `    <testcase classname="${attribute(`${suite}.${one.group}`)}" name="${attribute(one.id)}" time="${one.ms / 1000}">`;
  const reason = attribute(one.reason ?? '');
  const outcome = { passed: [], failed: [`      <failure message="${reason}"/>`], skipped: [`      <skipped message="${reason}"/>`] }[
    one.result
  ];
  return [head, ...properties({ clause: one.clause }, '      '), ...outcome, '    </testcase>'];
}

function properties(values: Record<string, string>, indent: string): string[] {
  const lines = Object.entries(values).map(([name, value]) => `${indent}  <property name="${name}" value="${attribute(value)}"/>`);
  return [`${indent}<properties>`, ...lines, `${indent}</properties>`];
}

function counts(cases: CaseReport[]): string {
  const number = (result: CaseReport['result']): number => cases.filter((one) => one.result === result).length;
  const seconds = cases.reduce((sum, { ms }) => sum + ms, 0) / 1000;
  return `tests="${cases.length}" failures="${number('failed')}" errors="0" skipped="${number('skipped')}" time="${seconds}"`;
}

/** XML 1.0 has no way to write most control characters, and attributes lose their line ends unless these are references. */
function attribute(text: string): string {
  return escapeMarkup(text.replace(/[^\t\n\r\x20-\uFFFD\u{10000}-\u{10FFFF}]/gu, '\uFFFD')).replace(
    /[\t\n\r]/g,
    (c) => `&#${c.charCodeAt(0)};`,
  );
}
