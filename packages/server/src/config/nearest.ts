/** "Did you mean …?" */

/** A name that differs by more typing mistakes than this is another name. */
const MAX_MISTAKES = 3;

/** The candidate that was probably meant, or `null`. */
export function nearest(name: string, candidates: readonly string[]): string | null {
  const wanted = name.toLowerCase();
  let best: { candidate: string; mistakes: number } | null = null;
  for (const candidate of candidates) {
    const mistakes = distance(wanted, candidate.toLowerCase());
    if (mistakes <= MAX_MISTAKES && mistakes <= wanted.length / 2 && (!best || mistakes < best.mistakes)) {
      best = { candidate, mistakes };
    }
  }
  return best?.candidate ?? null;
}

/** Levenshtein distance: letters to add, remove or replace. */
function distance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, place) => place);
  for (let i = 1; i <= from.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= to.length; j += 1) {
      const replaced = (row[j - 1] as number) + (from[i - 1] === to[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    row = next;
  }
  return row[to.length] as number;
}
