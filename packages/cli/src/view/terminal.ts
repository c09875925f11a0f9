const defaultWidth = 120;

/** Columns to print in. A pseudo-terminal that nobody has sized says 0. */
export function terminalWidth(output: NodeJS.WriteStream): number {
  return output.columns || defaultWidth;
}

/** Whether lines can be replaced on it: a terminal, and one that knows how many of them it shows. */
export function isLiveTerminal(output: NodeJS.WriteStream): boolean {
  return output.isTTY && output.columns > 0 && output.rows > 0;
}
