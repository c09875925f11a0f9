/** Which streams a session has, as kubelet's routes take it. */
export function streamsQuery(stdin: boolean, tty: boolean): [string, string][] {
  return [['output', '1'], stdin ? ['input', '1'] : undefined, tty ? ['tty', '1'] : ['error', '1']].filter(
    (parameter) => parameter !== undefined,
  ) as [string, string][];
}
