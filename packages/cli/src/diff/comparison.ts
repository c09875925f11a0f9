/** What was found out about one handler's pod, by name; names in the order shown. */
export type Facts = Record<string, string>;

/** One fact, with a value for each handler; undefined where it wasn't found out. */
export interface ComparedFact {
  fact: string;
  values: Record<string, string | undefined>;
  differs: boolean;
}

/** Puts facts of all handlers side by side, each as often as any handler has it, in the order of the first that does. */
export function compareFacts(facts: ReadonlyMap<string, Facts>): ComparedFact[] {
  const handlers = [...facts.keys()];
  const names = new Set([...facts.values()].flatMap((known) => Object.keys(known)));
  return [...names].map((fact) => {
    const values = handlers.map((handler) => facts.get(handler)?.[fact]);
    const [compared, shown] = values.some((value) => value?.includes('\n')) ? firstDifference(fact, values) : [fact, values];
    return {
      fact: compared,
      values: Object.fromEntries(handlers.map((handler, index) => [handler, shown[index]])),
      differs: new Set(values).size > 1,
    };
  });
}

/** Texts of several lines are shown by the first line in which they differ. */
function firstDifference(fact: string, texts: (string | undefined)[]): [string, (string | undefined)[]] {
  const lines = texts.map((text) => text?.split('\n') ?? []);
  const longest = Math.max(...lines.map((text) => text.length));
  for (let index = 0; index < longest; index++) {
    const line = lines.map((text) => text[index]);
    if (new Set(line).size > 1) return [`${fact}, line ${index + 1}`, line];
  }
  return [fact, lines.map((text) => `${text.length} lines`)];
}
