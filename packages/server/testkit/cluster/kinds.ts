/** What may become of a payment by its own people's doing. Reorganisations come on top, to whoever is concerned. */

/** Share of each among the payments of a run, in parts of their sum. */
const WEIGHTS = {
  "paid at once": 30,
  "paid at once, in a block at once": 6,
  "paid in two parts": 6,
  order: 14,
  "order, cancelled": 3,
  "order, expired": 2,
  proposal: 8,
  standing: 5,
  "double-spent, paid again": 7,
  "double-spent": 3,
  cancelled: 2,
  "cancelled, then paid": 2,
  expired: 2,
  "paid late": 1,
  observed: 7,
  "observed, orphaned, back": 2,
  "observed, dropped, paid again": 2,
} as const;

export type Kind = keyof typeof WEIGHTS;

const KINDS = Object.entries(WEIGHTS) as [Kind, number][];
const SUM = KINDS.reduce((sum, [, weight]) => sum + weight, 0);

/** Each in its turn first, so that a small run has all of them; then by chance. */
export function kindOf(nth: number, random: () => number): Kind {
  const [first] = KINDS[nth] ?? [];
  if (first) return first;
  let left = random() * SUM;
  for (const [kind, weight] of KINDS) {
    left -= weight;
    if (left < 0) return kind;
  }
  return "paid at once";
}
