import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Report } from '../suite.ts';
import { checkReportFiles, formatReport, type ReportFile, writeReports } from './write-reports.ts';

const report: Report = {
  suite: 'cri',
  target: 'unix:///run/<mine>.sock',
  summary: { passed: 1, failed: 1, skipped: 1, rpcsCovered: 1, rpcsTotal: 2, fieldsCovered: 1, fieldsTotal: 2 },
  cases: [
    { id: 'log.passing', group: 'log', clause: 'a "clause"', result: 'passed', ms: 12 },
    { id: 'log.failing', group: 'log', clause: 'it holds', result: 'failed', reason: 'expected <1>\ngot "2" & \u0000', ms: 1500 },
    { id: 'exec.skipped', group: 'exec', clause: 'it holds', result: 'skipped', reason: 'no #network here', ms: 0 },
  ],
  protocol: {
    rpcs: [
      { name: 'Version', service: 'RuntimeService', covered: true, calls: 3, since: '0.23' },
      { name: 'StreamImages', service: 'ImageService', covered: false, calls: 0, since: '0.36' },
    ],
    messages: [{ name: 'Mount', covered: ['readonly'], uncovered: ['image'] }],
  },
};

describe('formatReport', () => {
  it('json is the report itself', () => {
    expect(JSON.parse(formatReport(report, 'json'))).toEqual(report);
  });

  it('tap has a test point for each case', () => {
    expect(formatReport(report, 'tap')).toBe(`TAP version 14
1..3
ok 1 - log.passing
not ok 2 - log.failing
  ---
  reason: "expected <1>\\ngot \\"2\\" & \\u0000"
  clause: "it holds"
  duration_ms: 1500
  ...
ok 3 - exec.skipped # SKIP no #network here
# RPCs covered: 1 of 2
`);
  });

  it('junit has a test suite for each group, and nothing that XML can not have', () => {
    const xml = formatReport(report, 'junit');
    expect(xml).toContain('<testsuite name="cri.log" tests="2" failures="1" errors="0" skipped="0" time="1.512">');
    expect(xml).toContain('<failure message="expected &lt;1&gt;&#10;got &quot;2&quot; &amp; \uFFFD"/>');
    expect(xml).toContain('<skipped message="no #network here"/>');
    expect(xml).not.toContain('\u0000');
  });

  it('html is one page that asks for nothing, with failures first and everything escaped', () => {
    const html = formatReport(report, 'html');
    expect(html).not.toMatch(/(src|href)="(?!#)/);
    expect(html).not.toMatch(/https?:\/\/|@import|url\(/);
    expect(html).toContain('unix:///run/&lt;mine&gt;.sock');
    expect(html.indexOf('id="log.failing"')).toBeLessThan(html.indexOf('id="log.passing"'));
    expect(html).toContain('expected &lt;1&gt;\ngot &quot;2&quot;');
    expect(html).toContain('<td class="uncovered">not covered</td><td><code>ImageService.StreamImages</code></td>');
  });
});

describe('writeReports', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'berth-reports-'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  it('writes each file in its format', async () => {
    const [json, tap] = [join(directory, 'report.json'), join(directory, 'report.tap')];
    await writeReports(report, [
      { format: 'json', path: json },
      { format: 'tap', path: tap },
    ]);
    expect(JSON.parse(await readFile(json, 'utf8')).suite).toBe('cri');
    expect(await readFile(tap, 'utf8')).toMatch(/^TAP version 14/);
  });

  it('names a file that can not be written, and writes the others', async () => {
    const [path, json] = [join(directory, 'no/such/report.json'), join(directory, 'report.json')];
    const files: ReportFile[] = [path, json].map((one) => ({ format: 'json', path: one }));
    await expect(writeReports(report, files)).rejects.toThrow(`report ${path}`);
    expect(JSON.parse(await readFile(json, 'utf8'))).toEqual(report);
  });

  it('refuses beforehand what it could not write, and makes nothing meanwhile', async () => {
    const path = join(directory, 'report.json');
    const check = (one: string): Promise<void> => checkReportFiles([{ format: 'json', path: one }]);
    await expect(check(path)).resolves.toBeUndefined();
    await expect(check('/dev/stdout')).resolves.toBeUndefined();
    expect(await readdir(directory)).toEqual([]);
    await expect(check(directory)).rejects.toThrow(`report ${directory}: it is a directory; name a file in a directory`);
    await expect(check(join(directory, 'no/such/report.json'))).rejects.toThrow(`report ${directory}/no/such/report.json: ENOENT`);
  });

  it.each(['json', 'junit', 'html', 'tap'] as const)('%s tells what was left behind', (format) => {
    expect(formatReport({ ...report, leftBehind: 'a sandbox' }, format)).toContain('a sandbox');
  });
});
