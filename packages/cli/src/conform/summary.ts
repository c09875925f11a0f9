import { coverageTerms, type Report } from '@berth/conformance/suite';
import picocolors from 'picocolors';

/** What a run came to: failures with their reasons, skips by reason, the counts, and what of the protocol was not covered. */
export function summaryLines({ target, summary, cases, protocol, leftBehind }: Report): string[] {
  const failed = cases.filter(({ result }) => result === 'failed');
  const skipped = cases.filter(({ result }) => result === 'skipped');
  const failures = failed.flatMap(({ id, clause, reason }) => [`  ${picocolors.red(id)}: ${reason}`, `    ${picocolors.dim(clause)}`]);
  const skips = [...Map.groupBy(skipped, ({ reason }) => reason ?? '')].map(
    ([reason, ones]) => `  ${reason}: ${ones.map(({ id }) => id).join(', ')}`,
  );
  const uncovered = protocol.rpcs.filter(({ covered }) => !covered).map(({ name }) => name);
  const terms = coverageTerms(protocol);
  return [
    '',
    ...(failures.length > 0 ? ['failed:', ...failures] : []),
    ...(skips.length > 0 ? ['skipped:', ...skips] : []),
    ...(uncovered.length > 0 ? [`${terms.rpcs} not covered: ${uncovered.join(', ')}`] : []),
    ...(leftBehind === undefined ? [] : [`left behind: ${leftBehind}`]),
    `${target}: ${summary.passed} passed, ${summary.failed} failed, ${summary.skipped} skipped; ` +
      `${summary.rpcsCovered} of ${summary.rpcsTotal} ${terms.rpcs} and ${summary.fieldsCovered} of ${summary.fieldsTotal} ${terms.fields} covered`,
  ];
}
