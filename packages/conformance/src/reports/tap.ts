import { type CaseReport, coverageTerms, type Report } from '../suite.ts';

/** The Test Anything Protocol, version 14: one test point per case, a skip with its reason, a failure with its diagnosis. */
export function tapReport({ cases, summary, protocol, leftBehind }: Report): string {
  const points = cases.map((one, index) => testPoint(one, index + 1));
  const comments = [
    `# ${coverageTerms(protocol).rpcs} covered: ${summary.rpcsCovered} of ${summary.rpcsTotal}`,
    ...(leftBehind === undefined ? [] : [`# left behind: ${oneLine(leftBehind)}`]),
  ];
  return ['TAP version 14', `1..${cases.length}`, ...points, ...comments, ''].join('\n');
}

function testPoint({ id, clause, result, reason = '', ms }: CaseReport, number: number): string {
  const point = `${result === 'failed' ? 'not ok' : 'ok'} ${number} - ${escaped(id)}`;
  if (result === 'skipped') return `${point} # SKIP ${oneLine(reason)}`;
  if (result === 'passed') return point;
  const yaml = { reason, clause, duration_ms: ms };
  const lines = Object.entries(yaml).map(([key, value]) => `  ${key}: ${JSON.stringify(value)}`);
  return [point, '  ---', ...lines, '  ...'].join('\n');
}

/** `#` begins a directive. */
function escaped(text: string): string {
  return oneLine(text).replace(/[\\#]/g, '\\$&');
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ');
}
