/** Replaces `$(NAME)` by the variable's value; `$$(NAME)` stands for a literal `$(NAME)`, and unknown names stay as written. */
export function expand(text: string, variables: ReadonlyMap<string, string>): string {
  return text.replace(/\$(?:\$|\(([^()]*)\))/g, (match, name?: string) => {
    if (match === '$$') return '$';
    return variables.get(name ?? '') ?? match;
  });
}
