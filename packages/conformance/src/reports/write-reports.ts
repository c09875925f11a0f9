import { access, constants, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
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

/** Throws about the first file that can't be written, for want of its directory or of the rights: before a run that takes minutes. */
export async function checkReportFiles(files: ReportFile[]): Promise<void> {
  for (const { path } of files) {
    try {
      await checkWritable(path);
    } catch (error) {
      throw unwritable(path, error);
    }
  }
}

/** Writes the report to each file. Throws about the first that can't be written, once the others are. */
export async function writeReports(report: Report, files: ReportFile[]): Promise<void> {
  const failures: PluginError[] = [];
  for (const { format, path } of files) {
    try {
      await writeFile(path, formatReport(report, format));
    } catch (error) {
      failures.push(unwritable(path, error));
    }
  }
  if (failures[0]) throw failures[0];
}

/** Makes nothing: the run may be refused for another reason yet. */
async function checkWritable(path: string): Promise<void> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (found?.isDirectory()) throw new Error('it is a directory');
  await access(found ? path : dirname(path), constants.W_OK);
}

function unwritable(path: string, error: unknown): PluginError {
  return PluginError.from(error, 'INTERNAL', { object: `report ${path}`, hint: 'name a file in a directory that you may write to' });
}
