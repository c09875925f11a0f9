import { PluginError } from '@berth/sdk/errors';

/** Replaces `$(NAME)` by the variable's value; `$$(NAME)` stands for a literal `$(NAME)`, and unknown names stay as written. */
export function expand(text: string, variables: ReadonlyMap<string, string>): string {
  return text.replace(/\$(?:\$|\(([^()]*)\))/g, (match, name?: string) => {
    if (match === '$$') return '$';
    return variables.get(name ?? '') ?? match;
  });
}

/** The same where every name has to be known. Throws NOT_FOUND for the first that isn't. */
export function expandKnown(text: string, variables: ReadonlyMap<string, string>): string {
  return text.replace(/\$(?:\$|\(([^()]*)\))/g, (match, name?: string) => {
    if (match === '$$') return '$';
    const value = variables.get(name ?? '');
    if (value === undefined) throw new PluginError('NOT_FOUND', `missing value for ${JSON.stringify(name)}`);
    return value;
  });
}
