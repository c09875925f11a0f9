import {
  type CaseReport,
  type Coverage,
  coverageTerms,
  type MessageCoverage,
  type Report,
  type Result,
  type RpcCoverage,
} from '../suite.ts';
import { filterScript, styleSheet } from './html-style.ts';
import { escapeMarkup } from './markup.ts';

/**
 * One page that needs nothing but itself: the counts, the cases by group with failed ones first, filters by result and by
 * text, and what of the protocol was covered. Without scripts it shows everything.
 */
export function htmlReport(report: Report): string {
  const title = `${report.suite} conformance of ${report.target}`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>${escapeMarkup(title)}</title>
<style>${styleSheet}</style>
</head>
<body>
<header>
<h1>${escapeMarkup(report.suite.toUpperCase())} conformance</h1>
<p class="target">${escapeMarkup(report.target)}</p>
${summary(report)}
${filters()}
</header>
<main>
${groups(report.cases)}
<h2 id="protocol">The protocol</h2>
${protocol(report.protocol)}
</main>
<script>${filterScript}</script>
</body>
</html>
`;
}

function summary({ summary, protocol, leftBehind }: Report): string {
  const { passed, failed, skipped, rpcsCovered, rpcsTotal, fieldsCovered, fieldsTotal } = summary;
  const terms = coverageTerms(protocol);
  const figures: [string, string, string][] = [
    ['failed', String(failed), 'failed'],
    ['passed', String(passed), 'passed'],
    ['skipped', String(skipped), 'skipped'],
    ['', `${rpcsCovered}/${rpcsTotal}`, `${terms.rpcs} covered`],
    ['', `${fieldsCovered}/${fieldsTotal}`, `${terms.fields} covered`],
  ];
  const items = figures.map(([kind, figure, label]) => `<div class="figure ${kind}"><dt>${label}</dt><dd>${figure}</dd></div>`);
  const open = skipped > 0 ? ` ${skipped} not judged.` : '';
  const verdict =
    failed > 0
      ? `<p class="verdict failed">Not conformant: ${failed} failed.${open}</p>`
      : `<p class="verdict passed">0 failed.${open}</p>`;
  const left = leftBehind === undefined ? '' : `<p class="reason">Left behind: ${escapeMarkup(leftBehind)}</p>`;
  return `<dl class="figures">${items.join('')}</dl>${verdict}${left}`;
}

function filters(): string {
  const results: Result[] = ['failed', 'skipped', 'passed'];
  const boxes = results.map((result) => `<label><input type="checkbox" data-result="${result}" checked> ${result}</label>`);
  return `<form class="filters">${boxes.join('')}<input type="search" placeholder="id, clause or reason" aria-label="Filter by text"><a href="#protocol">The protocol</a></form>`;
}

const order: Record<Result, number> = { failed: 0, skipped: 1, passed: 2 };

/** Groups with failures first, and within each the failed cases first. */
function groups(cases: CaseReport[]): string {
  const byGroup = [...Map.groupBy(cases, ({ group }) => group)];
  const failures = (members: CaseReport[]): number => members.filter(({ result }) => result === 'failed').length;
  const sorted = byGroup.toSorted(([, a], [, b]) => failures(b) - failures(a));
  return sorted.map(([name, members]) => group(name, members)).join('\n');
}

function group(name: string, members: CaseReport[]): string {
  const count = (result: Result): number => members.filter((one) => one.result === result).length;
  const tallies = (['failed', 'skipped', 'passed'] as const).flatMap((result) =>
    count(result) > 0 ? [`<span class="tally ${result}">${count(result)} ${result}</span>`] : [],
  );
  const rows = members.toSorted((a, b) => order[a.result] - order[b.result]).map(row);
  return `<section><h2>${escapeMarkup(name)} ${tallies.join(' ')}</h2>
<table><thead><tr><th>result</th><th>case</th><th>what the protocol says</th><th class="ms">ms</th></tr></thead><tbody>
${rows.join('\n')}
</tbody></table></section>`;
}

function row({ id, clause, result, reason, ms }: CaseReport): string {
  const why = reason === undefined ? '' : `<p class="reason">${escapeMarkup(reason)}</p>`;
  return `<tr class="${result}" id="${escapeMarkup(id)}"><td>${result}</td><td><a href="#${escapeMarkup(id)}"><code>${escapeMarkup(id)}</code></a></td><td>${escapeMarkup(clause)}${why}</td><td class="ms">${ms}</td></tr>`;
}

function protocol(coverage: Coverage): string {
  const { rpcs, messages } = coverage;
  const terms = coverageTerms(coverage);
  return `<table class="protocol"><thead><tr><th></th><th>${terms.rpcs.replace(/s$/, '')}</th><th>since</th><th class="ms">calls</th></tr></thead><tbody>
${rpcs
  .toSorted((a, b) => Number(a.covered) - Number(b.covered))
  .map(rpcRow)
  .join('\n')}
</tbody></table>
<table class="protocol"><thead><tr><th>message</th><th class="ms">covered</th><th>${terms.fields} not covered</th></tr></thead><tbody>
${messages.map(messageRow).join('\n')}
</tbody></table>`;
}

function rpcRow({ name, service, covered, calls, since }: RpcCoverage): string {
  const mark = covered ? '<td class="passed">covered</td>' : '<td class="uncovered">not covered</td>';
  return `<tr>${mark}<td><code>${service}.${name}</code></td><td>${since}</td><td class="ms">${calls}</td></tr>`;
}

function messageRow({ name, covered, uncovered }: MessageCoverage): string {
  const missing = uncovered.map((field) => `<code>${field}</code>`).join(', ');
  return `<tr><td><code>${name}</code></td><td class="ms">${covered.length}/${covered.length + uncovered.length}</td><td>${missing}</td></tr>`;
}
