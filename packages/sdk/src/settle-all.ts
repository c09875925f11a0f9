/**
 * What each gives, once all of them have come to an end: nothing goes on after the caller's answer, nor beside what it undoes. Throws the failure of
 * the first in the list that failed.
 */
export async function settleAll<T>(promises: Promise<T>[]): Promise<T[]> {
  const outcomes = await Promise.allSettled(promises);
  return outcomes.map((outcome) => {
    if (outcome.status === 'rejected') throw outcome.reason;
    return outcome.value;
  });
}
