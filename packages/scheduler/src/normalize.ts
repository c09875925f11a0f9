import { maxNodeScore } from './framework.ts';

/** kube-scheduler's DefaultNormalizeScore: the greatest becomes 100, the others in proportion, rounded down. */
export function normalizeByGreatest(scores: readonly number[]): number[] {
  const greatest = greatestOf(scores);
  return scores.map((score) => (greatest === 0 ? 0 : proportion(score, greatest)));
}

/** The same turned around: 0 becomes 100 and the greatest 0. */
export function normalizeReversed(scores: readonly number[]): number[] {
  const greatest = greatestOf(scores);
  return scores.map((score) => (greatest === 0 ? maxNodeScore : maxNodeScore - proportion(score, greatest)));
}

function greatestOf(scores: readonly number[]): number {
  return scores.reduce((greatest, score) => Math.max(greatest, score), 0);
}

/** Great scores are multiplied without rounding, as 64-bit integers are. */
function proportion(score: number, greatest: number): number {
  const product = score * maxNodeScore;
  if (Number.isSafeInteger(product)) return Math.floor(product / greatest);
  return Number((BigInt(score) * BigInt(maxNodeScore)) / BigInt(greatest));
}
