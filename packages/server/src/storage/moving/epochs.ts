/** A new epoch: from now on no cursor from before is honoured. */

export interface NewEpoch {
  before: string;
  now: string;
  /** Offset of the newest record. */
  head: number;
  /** Keys whose next addresses were passed over. */
  skippedOn: number;
}

/** What was derived and lost with a database must not be derived again for somebody else. The addresses that are passed
 * over count as used: a gap of them stops nobody. Parameter: how many. */
export const skipAddresses = (parameter: string) => `UPDATE derivation_cursors
  SET last_used_index = next_index + ${parameter} - 1, next_index = next_index + ${parameter}`;
