/** What a monitored process is run with. */
export interface MonitoredCommand {
  /** Program and arguments; no shell. */
  args: string[];
  /** `NAME=value` */
  env: string[];
  cwd: string;
  /** Left out: its output is dropped. */
  logPath: string | undefined;
}

/** Names in the directory of a monitored process. */
export const files = { command: 'command.json', monitor: 'monitor.pid', process: 'process.pid', exit: 'exit.json' };

/** Sent to the monitor once its process id is on record. */
export const goAhead = 'go';

/** Sent by the monitor once: that the process runs, or why not. */
export interface Answer {
  error?: string;
}
