/** News that come by the dozen, passed on one at a time. */

/** Calls `pass` at once, then not again before the pause is over, and then once more if there were news meanwhile. */
export function atMostEvery(pauseMs: number, pass: () => void): { news: () => void; end: () => void } {
  let timer: NodeJS.Timeout | null = null;
  let more = false;
  const news = () => {
    if (timer !== null) {
      more = true;
      return;
    }
    pass();
    timer = setTimeout(() => {
      timer = null;
      if (!more) return;
      more = false;
      news();
    }, pauseMs);
  };
  const end = () => {
    if (timer !== null) clearTimeout(timer);
  };
  return { news, end };
}
