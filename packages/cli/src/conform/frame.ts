import { checkReportFiles, type ReportFile, type ReportFormat, reportFormats, writeReports } from '@berth/conformance/reports';
import { type RunOptions, selectCases } from '@berth/conformance/run-suite';
import type { Report, Suite } from '@berth/conformance/suite';
import { PluginError } from '@berth/sdk/errors';
import { type Command, InvalidArgumentError } from 'commander';
import { formatTable } from '../view/listing.ts';
import { CaseProgress } from './progress.ts';
import { summaryLines } from './summary.ts';

/** What every suite's command takes. */
export interface FrameOptions {
  focus?: RegExp;
  skip?: RegExp;
  list?: boolean;
  report: ReportFile[];
  parallel?: number;
  timeFactor?: number;
}

/** How a suite's run is told about; the frame makes it, the suite's own command passes it on. */
export type FrameRun = Pick<RunOptions<never>, 'focus' | 'skip' | 'parallel' | 'timeFactor' | 'signal' | 'onStart' | 'onCase'> & {
  signal: AbortSignal;
};

/** Adds the options that all suites have in common. */
export function frameOptions(command: Command): Command {
  return command
    .option('--focus <pattern>', 'run only the cases whose id matches this regular expression', pattern)
    .option('--skip <pattern>', 'leave out the cases whose id matches', pattern)
    .option('--list', 'print the cases and what each proves, and run none')
    .option(
      '--report <format=file>',
      `write a report: ${reportFormats.join(', ')}; may be repeated`,
      (text: string, earlier: ReportFile[]) => [...earlier, reportFile(text)],
      [] as ReportFile[],
    )
    .option('--parallel <number>', 'how many cases run beside each other', count)
    .option('--time-factor <number>', 'multiply the time limits of cases, for a target that runs on a slow host', count);
}

/** Runs a suite with progress and summary on standard output, and writes the reports. Gives the exit status: 0 only with 0 failed and nothing left behind. */
export async function judge<Target>(
  suite: Suite<Target>,
  { focus, skip, list, report: files, parallel, timeFactor }: FrameOptions,
  run: (run: FrameRun) => Promise<Report>,
): Promise<number> {
  const selected = selectCases(suite, { ...(focus && { focus }), ...(skip && { skip }) });
  if (selected.length === 0) {
    throw new PluginError('INVALID_ARGUMENT', 'no case is left to be run', {
      object: `suite ${suite.name}`,
      hint: `choose other patterns; "berth conform ${suite.name} --list" prints the cases`,
    });
  }
  if (list) {
    process.stdout.write(
      `${formatTable(
        ['CASE', 'CLAUSE'],
        selected.map(({ id, clause }) => [id, clause]),
      )}\n`,
    );
    return 0;
  }
  await checkReportFiles(files);
  const interrupted = new AbortController();
  const interrupt = (): void => interrupted.abort(new PluginError('CANCELLED', 'the run was interrupted'));
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  const progress = new CaseProgress(process.stdout, selected.length);
  try {
    const report = await run({
      ...(focus && { focus }),
      ...(skip && { skip }),
      ...(parallel !== undefined && { parallel }),
      ...(timeFactor !== undefined && { timeFactor }),
      signal: interrupted.signal,
      onStart: ({ id }) => progress.started(id),
      onCase: (one) => progress.ended(one),
    });
    progress.done();
    process.stdout.write(`${summaryLines(report).join('\n')}\n`);
    await writeReports(report, files);
    if (interrupted.signal.aborted) return 130;
    return report.summary.failed > 0 || report.leftBehind !== undefined ? 1 : 0;
  } finally {
    progress.done();
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
  }
}

function pattern(text: string): RegExp {
  try {
    return new RegExp(text);
  } catch (error) {
    throw new InvalidArgumentError(`It has to be a regular expression: ${(error as Error).message}.`);
  }
}

function reportFile(text: string): ReportFile {
  const [, format, path] = /^([a-z]+)=(.+)$/.exec(text) ?? [];
  if (path !== undefined && reportFormats.includes(format as ReportFormat)) return { format: format as ReportFormat, path };
  throw new InvalidArgumentError(`It has to be FORMAT=FILE, with one of ${reportFormats.join(', ')}.`);
}

function count(text: string): number {
  const number = Number(text);
  if (Number.isInteger(number) && number >= 1 && number <= 64) return number;
  throw new InvalidArgumentError('It has to be a whole number from 1 to 64.');
}
