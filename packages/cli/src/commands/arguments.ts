import { InvalidArgumentError } from 'commander';

/** A time limit as users write it, `90` or `1.5`: seconds, to milliseconds. */
export function seconds(text: string): number {
  const milliseconds = Math.round(Number(text) * 1000);
  if (text.trim() && milliseconds > 0 && milliseconds < 2 ** 31) return milliseconds;
  throw new InvalidArgumentError('It has to be a number of seconds above 0, and below 2 million.');
}

/** A count of at least one. */
export function wholeNumber(text: string): number {
  const number = Number(text);
  if (/^\d+$/.test(text) && number > 0 && Number.isSafeInteger(number)) return number;
  throw new InvalidArgumentError('It has to be a whole number above 0.');
}

/** Names separated by commas, each once. */
export function nameList(text: string): string[] {
  const names = text.split(',').map((name) => name.trim());
  if (names.includes('')) throw new InvalidArgumentError('It has to be names separated by commas.');
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice === undefined) return names;
  throw new InvalidArgumentError(`${twice} is listed twice.`);
}
