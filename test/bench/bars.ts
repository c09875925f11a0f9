/** A bench's promise about one of its figures, or about ours divided by the peer's. */
export type Bar = { figure: string; of: 'ours' | 'ours/peer' } & Limit;

type Limit = { atMost: number; atLeast?: never } | { atLeast: number; atMost?: never };

/** `value` is left out where the run didn't give it: such a bar doesn't hold. */
export type CheckedBar = { name: string; value?: number; holds: boolean } & Limit;

interface Figures {
  ours: Record<string, number>;
  ratios?: Record<string, number>;
}

/** Holds the figures of a run against the bench's table of bars. */
export function checkBars(bars: readonly Bar[], { ours, ratios = {} }: Figures): CheckedBar[] {
  return bars.map(({ figure, of, ...limit }) => {
    const value = of === 'ours' ? ours[figure] : ratios[figure];
    return {
      name: of === 'ours' ? figure : `${figure}, ours/peer`,
      ...(value !== undefined && { value }),
      ...limit,
      holds: holds(value, limit),
    };
  });
}

/** `bar up p50 ms, ours/peer: 0.53, at most 0.55: holds` */
export function describeBar({ name, value, atMost, atLeast, holds }: CheckedBar): string {
  const limit = atMost === undefined ? `at least ${atLeast?.toFixed(2)}` : `at most ${atMost.toFixed(2)}`;
  const verdict = holds ? 'holds' : 'DOES NOT HOLD';
  return `bar ${name}: ${value?.toFixed(2) ?? 'not measured in this run'}, ${limit}: ${verdict}`;
}

function holds(value: number | undefined, { atMost = Number.POSITIVE_INFINITY, atLeast = Number.NEGATIVE_INFINITY }: Limit): boolean {
  return value !== undefined && value <= atMost && value >= atLeast;
}
