import { PluginError } from '@berth/sdk/errors';
import type { NodeAnswer } from '@berth/sdk/scheduler/evaluate';
import type { Snapshot } from '../snapshot.ts';
import type { Abilities } from './evaluator.ts';

/** A plugin's answers by node; throws INTERNAL and says what is wrong if they can't be: each node has to have exactly one. */
export function checkAnswers(answers: readonly NodeAnswer[], snapshot: Snapshot, abilities: Abilities): ReadonlyMap<string, NodeAnswer> {
  const byName = new Map<string, NodeAnswer>();
  for (const answer of answers) {
    const problem = problemOf(answer, snapshot, abilities) ?? (byName.has(answer.name) ? 'it answered twice for it' : undefined);
    if (problem) throw nonsense(`node ${answer.name}`, problem);
    byName.set(answer.name, answer);
  }
  const missing = snapshot.nodes.filter(({ name }) => !byName.has(name));
  const [first] = missing;
  if (!first) return byName;
  throw nonsense(`node ${first.name}`, `it gave no answer for it${missing.length > 1 ? ` and ${missing.length - 1} more` : ''}`);
}

function problemOf({ name, refusal, score }: NodeAnswer, snapshot: Snapshot, { filters, scores }: Abilities): string | undefined {
  if (!snapshot.get(name)) return 'it answered for it, but there is no such node';
  if (refusal && !filters) return 'it refused it, but says that it has no Filter';
  if (refusal) return refusal.reasons.length === 0 ? 'it refused it without a reason' : undefined;
  if (!scores) return undefined;
  if (score === undefined) return 'it gave it no score';
  return Number.isSafeInteger(score) && score >= 0 ? undefined : `it gave it the score ${score}`;
}

function nonsense(object: string, what: string): PluginError {
  return new PluginError('INTERNAL', what, { object, hint: 'a plugin answers once for each node: a refusal, or a score of 0 or more' });
}
