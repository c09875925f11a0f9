/** The message of a line that an OCI runtime has logged as JSON, if it is an error's. */
export function errorMessage(line: string): string | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    const { level, msg } = JSON.parse(line) as { level?: string; msg?: string };
    return level === 'error' || level === 'fatal' ? msg : undefined;
  } catch {
    return undefined;
  }
}

/** The last error in what an OCI runtime has logged with `--log-format=json`, in its own words. */
export function lastErrorMessage(log: string): string | undefined {
  return log
    .split('\n')
    .map(errorMessage)
    .findLast((message) => message !== undefined);
}
