/** @param {string[]} args those of `berth run` @returns {string | undefined} the handler that --runtime names */
export function runtimeOf(args) {
  const index = args.findLastIndex((arg) => arg === '--runtime' || arg.startsWith('--runtime='));
  if (index < 0) return undefined;
  return args[index] === '--runtime' ? args[index + 1] : args[index].slice('--runtime='.length);
}
