/** Replaces `$(NAME)` by the variable's value; `$$(NAME)` stands for a literal `$(NAME)`, and unknown names stay as written. */
export function expand(text: string, variables: ReadonlyMap<string, string>): string {
  return text.replace(/\$(?:\$|\(([^()]*)\))/g, (match, name?: string) => {
    if (match === '$$') return '$';
    return variables.get(name ?? '') ?? match;
  });
}

/** A container's environment: each value may refer to the ones before it. */
export function environment(env: readonly { name: string; value?: string }[]): Map<string, string> {
  const variables = new Map<string, string>();
  for (const { name, value = '' } of env) variables.set(name, expand(value, variables));
  return variables;
}
