/** Runs `work`, then `cleanUp`, whatever happened. Where both fail, what is thrown is what made `work` fail. */
export async function withCleanUp<Result>(work: () => Promise<Result>, cleanUp: () => Promise<void>): Promise<Result> {
  let result: Result;
  try {
    result = await work();
  } catch (error) {
    await cleanUp().catch(() => undefined);
    throw error;
  }
  await cleanUp();
  return result;
}
