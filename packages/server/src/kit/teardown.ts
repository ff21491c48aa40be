/** What has to be ended of what was started. */
export type EndStep = () => Promise<void> | void;

/**
 * Takes the steps and runs each, the last one first, whatever becomes of the others: a socket that does not close must
 * not keep the database open. Every error is reported.
 * @throws the first error, when all have run
 */
export async function endAll(steps: EndStep[], onError: (error: unknown) => void): Promise<void> {
  const errors: unknown[] = [];
  for (const step of steps.splice(0).reverse()) {
    try {
      await step();
    } catch (error) {
      onError(error);
      errors.push(error);
    }
  }
  if (errors.length > 0) throw errors[0];
}
