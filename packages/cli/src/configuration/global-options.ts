import { type Directories, defaultDirectories } from './directories.ts';

/** Options that every command has. */
export interface GlobalOptions extends Directories {
  nodeConfig?: string;
  logLevel: string;
}

/** What each option is if it isn't given, shown by --help. */
export const defaults: GlobalOptions = { ...defaultDirectories, logLevel: 'error' };
