/** Many questions, a few at a time. */

/**
 * Answers in the order of the items. The first failure ends it: no further question is begun, and those under way are
 * waited for.
 */
export async function inParallel<T, R>(
  parallel: number,
  items: readonly T[],
  ask: (item: T) => Promise<R>,
): Promise<R[]> {
  const answers: R[] = [];
  let next = 0;
  const failures: unknown[] = [];
  const work = async () => {
    while (next < items.length && failures.length === 0) {
      const place = next;
      next += 1;
      try {
        answers[place] = await ask(items[place] as T);
      } catch (error) {
        failures.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(parallel, items.length) }, work));
  if (failures.length > 0) throw failures[0];
  return answers;
}
