/**
 * By what a transfer is recognised as meant for a payment. Mostly the address alone; where several payments share one
 * address, something beside it. Both make one text, the match key: `Observation.recipient`, under which payments are
 * looked up and which at most one open payment of a merchant may wait for.
 * Source: DESIGN.md, promise 4; docs/decisions/0010-match-keys.md.
 */

/**
 * `payer`: who sent it. `txId`: this transaction, and only with its `payer`, so that nobody settles his order with a
 * stranger's transaction. `referenceKey`: a Solana Pay reference. `memo`: the text that it carries. `intentHash`: of an
 * identiPay proposal, in an event of the transaction. `tributary`: any record of the Tributary program, by its gateway
 * (`*`: every gateway); each memo becomes a standing payment of its own.
 */
export const MATCH_KINDS = ["txId", "referenceKey", "intentHash", "memo", "tributary", "payer"] as const;
export type MatchKind = (typeof MATCH_KINDS)[number];

/** One kind, or `txId` with its `payer`. */
export type PaymentMatch = Readonly<Partial<Record<MatchKind, string>>>;

/** What a transaction carries beside the recipient, in canonical form. */
export interface Evidence {
  txId: string;
  payers?: readonly string[];
  referenceKeys?: readonly string[];
  intentHashes?: readonly string[];
  memos?: readonly string[];
  /** Gateways of its Tributary records. */
  gateways?: readonly string[];
}

/** What a chain knows beside addresses. */
export interface MatchRules {
  readonly kinds: readonly MatchKind[];
  /** The one way of writing it.
   * @throws InvalidMatch naming what is wrong and what is allowed */
  canonical(kind: MatchKind, value: string): string;
}

export class InvalidMatch extends Error {
  override readonly name = "InvalidMatch";
}

/** Parts a match key; no chain's recipient contains it. */
const MARK = "?";

/** The match key of a payment. `match` is canonical and of an allowed combination; `null`: the address alone. */
export function matchKeyOf(recipient: string, match: PaymentMatch | null): string {
  if (match === null) return recipient;
  const parts = MATCH_KINDS.flatMap((kind) => {
    const value = match[kind];
    return value === undefined ? [] : [`${kind}=${encodeURIComponent(value)}`];
  });
  return parts.length === 0 ? recipient : `${recipient}${MARK}${parts.join("&")}`;
}

/** The recipient without what is beside it. */
export function recipientIn(matchKey: string): string {
  const mark = matchKey.indexOf(MARK);
  return mark === -1 ? matchKey : matchKey.slice(0, mark);
}

/** What is beside the recipient; empty for an address alone. */
export function matchIn(matchKey: string): PaymentMatch {
  const mark = matchKey.indexOf(MARK);
  if (mark === -1) return {};
  const pairs = matchKey.slice(mark + 1).split("&");
  return Object.fromEntries(
    pairs.map((pair) => {
      const equals = pair.indexOf("=");
      return [pair.slice(0, equals), decodeURIComponent(pair.slice(equals + 1))];
    }),
  ) as PaymentMatch;
}

/**
 * The most particular key that somebody waits for; the recipient alone where nobody waits for anything beside it, but
 * for the recipient; `null` where nobody knows the recipient. One look-up for transfers that concern nobody: whoever
 * waits for more than an address has its address watched too.
 */
export function watchedKey(watches: (key: string) => boolean, recipient: string, evidence: Evidence): string | null {
  if (!watches(recipient)) return null;
  for (const match of candidates(evidence)) {
    const key = matchKeyOf(recipient, match);
    if (watches(key)) return key;
  }
  return recipient;
}

function* candidates({
  txId,
  payers = [],
  referenceKeys = [],
  intentHashes = [],
  memos = [],
  gateways = [],
}: Evidence): Iterable<PaymentMatch> {
  for (const payer of payers) yield { txId, payer };
  for (const referenceKey of referenceKeys) yield { referenceKey };
  for (const intentHash of intentHashes) yield { intentHash };
  for (const memo of memos) yield { memo };
  for (const gateway of gateways) yield { tributary: gateway };
  if (gateways.length > 0) yield { tributary: "*" };
  for (const payer of payers) yield { payer };
}
