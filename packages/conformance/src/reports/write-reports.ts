import { writeFile } from 'node:fs/promises';
import { PluginError } from '@berth/sdk/errors';
import type { Report } from '../suite.ts';
import { htmlReport } from './html.ts';
import { junitReport } from './junit.ts';
import { tapReport } from './tap.ts';

/** How a report can be written: the Report itself, for CI systems, for people, and for the Test Anything Protocol's tools. */
export const reportFormats = ['json', 'junit', 'html', 'tap'] as const;

export type ReportFormat = (typeof reportFormats)[number];

/** A file to be written, and how. */
export interface ReportFile {
  format: ReportFormat;
  path: string;
}

const writers: Record<ReportFormat, (report: Report) => string> = {
  json: (report) => `${JSON.stringify(report, undefined, 2)}\n`,
  junit: junitReport,
  html: htmlReport,
  tap: tapReport,
};

/** A report in one of the formats, as text. */
export function formatReport(report: Report, format: ReportFormat): string {
  return writers[format](report);
}

/** Writes the report to each file. Throws about the first that can't be written, once the others are. */
export async function writeReports(report: Report, files: ReportFile[]): Promise<void> {
  const failures: PluginError[] = [];
  for (const { format, path } of files) {
    try {
      await writeFile(path, formatReport(report, format));
    } catch (error) {
      failures.push(
        PluginError.from(error, 'INTERNAL', { object: `report ${path}`, hint: 'name a file in a directory that you may write to' }),
      );
    }
  }
  if (failures[0]) throw failures[0];
}
