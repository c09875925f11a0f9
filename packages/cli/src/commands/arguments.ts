import { resolve } from 'node:path';
import { checkDnsSubdomain, checkLabelValue, checkQualifiedName } from '@berth/api/names';
import { InvalidArgumentError } from 'commander';
import { normalNodeName } from '../configuration/node-name.ts';

/** A time limit as users write it, `90` or `1.5`: seconds, to milliseconds. */
export function seconds(text: string): number {
  const milliseconds = Math.round(Number(text) * 1000);
  if (text.trim() && milliseconds > 0 && milliseconds < 2 ** 31) return milliseconds;
  throw new InvalidArgumentError('It has to be a number of seconds above 0, and below 2 million.');
}

/**
 * A directory of the node's, as an absolute path. Its name goes into mount options, batches of iproute2 and addresses of sockets, and each
 * of them has characters that it can't carry; blanks they all can.
 */
export function directory(text: string): string {
  const unfit = /[:,#"'\\]|\p{Cc}/u.exec(text)?.[0];
  if (unfit !== undefined) throw new InvalidArgumentError(`Its path can't hold ${JSON.stringify(unfit)}: not every tool takes that.`);
  if (text === '') throw new InvalidArgumentError('It has to be the path of a directory.');
  return resolve(text);
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

/** A node's name, as kubelet takes it from `--hostname-override`. */
export function nodeName(text: string): string {
  const name = normalNodeName(text);
  const [problem] = checkDnsSubdomain(name);
  if (problem !== undefined) throw new InvalidArgumentError(`As a node's name, ${problem}.`);
  return name;
}

/** Labels as kubelet's `--node-labels` has them: `disk=ssd,zone=a`. */
export function labels(text: string): Record<string, string> {
  const pairs = text.split(',').map((pair): [string, string] => {
    const [key = '', ...value] = pair.trim().split('=');
    return [key, value.join('=')];
  });
  for (const [key, value] of pairs) {
    const [wrong] = [...checkQualifiedName(key), ...checkLabelValue(value)];
    if (wrong !== undefined) throw new InvalidArgumentError(`${JSON.stringify(`${key}=${value}`)}: ${wrong}.`);
  }
  return Object.fromEntries(pairs);
}
