/** Work that is done again and again for as long as the program runs. */

/** Runs the task again and again with a pause, never twice at once. Returns what ends it. */
export function everySoOften(pauseMs: number, task: () => Promise<void>, onError: (error: unknown) => void) {
  let timer: NodeJS.Timeout;
  let running: Promise<void> = Promise.resolve();
  let ended = false;
  const run = () => {
    running = task()
      .catch(onError)
      .then(() => {
        if (!ended) timer = setTimeout(run, pauseMs);
      });
  };
  timer = setTimeout(run, pauseMs);
  return async () => {
    ended = true;
    clearTimeout(timer);
    await running;
  };
}
