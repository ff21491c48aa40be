/**
 * By what a transfer is recognised as meant for a payment. Mostly the address alone; where several payments share one
 * address, something beside it. Both make one text, the match key, under which a payment is stored and which at most one
 * open payment of a merchant may wait for. `Observation.recipient` has the same form and names everything beside the
 * address that anybody waits for.
 * Source: DESIGN.md, promise 4; docs/decisions/0010-match-keys.md.
 */
import { MATCH_KINDS, type MatchKind, type PaymentMatch } from "@paybell/protocol";

export type { MatchKind, PaymentMatch } from "@paybell/protocol";

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
/** A registration for whatever gateway. */
const ANY_GATEWAY = "*";

/** The match key of a payment. `match` is canonical and of an allowed combination; `null`: the address alone. */
export function matchKeyOf(recipient: string, match: Readonly<PaymentMatch> | null): string {
  return match === null ? recipient : textOf(recipient, pairsOf(match));
}

/** The recipient without what is beside it. */
export function recipientIn(matchKey: string): string {
  const mark = matchKey.indexOf(MARK);
  return mark === -1 ? matchKey : matchKey.slice(0, mark);
}

/** What is beside the recipient; empty for an address alone. Where a sighted transfer has several of a kind: the last. */
export function matchIn(matchKey: string): Readonly<PaymentMatch> {
  return Object.fromEntries(pairsIn(matchKey));
}

/**
 * The recipient with everything beside it that somebody waits for; the recipient alone where nobody waits for anything
 * beside it, but for the recipient; `null` where nobody knows the recipient. One look-up for transfers that concern
 * nobody: whoever waits for more than an address has its address watched too.
 */
export function watchedKey(watches: (key: string) => boolean, recipient: string, evidence: Evidence): string | null {
  if (!watches(recipient)) return null;
  const waited = [...candidates(evidence)].filter((match) => watches(matchKeyOf(recipient, match)));
  return textOf(recipient, waited.flatMap(pairsOf));
}

/** What `watchedKey` gave → the match keys under which the transfer may be waited for beside its recipient alone, the
 * most particular first. */
export function narrowerKeys(sighted: string): string[] {
  const values = Object.groupBy(pairsIn(sighted), ([kind]) => kind);
  const of = (kind: MatchKind): string[] => (values[kind] ?? []).map(([, value]) => value);
  const recipient = recipientIn(sighted);
  const [txId] = of("txId");
  const found = candidates({
    ...(txId === undefined ? {} : { txId }),
    payers: of("payer"),
    referenceKeys: of("referenceKey"),
    intentHashes: of("intentHash"),
    memos: of("memo"),
    gateways: of("tributary"),
  });
  return [...new Set([...found].map((match) => matchKeyOf(recipient, match)))];
}

/** All of them, and the recipient alone. */
export function keysIn(sighted: string): string[] {
  return [...narrowerKeys(sighted), recipientIn(sighted)];
}

/** What `watchedKey` gave, with this beside it as well. */
export function alsoBeside(sighted: string, match: Readonly<PaymentMatch>): string {
  return textOf(recipientIn(sighted), [...pairsIn(sighted), ...pairsOf(match)]);
}

type Pair = readonly [kind: MatchKind, value: string];

function pairsOf(match: Readonly<PaymentMatch>): Pair[] {
  return MATCH_KINDS.flatMap((kind): Pair[] => {
    const value = match[kind];
    return value === undefined ? [] : [[kind, value]];
  });
}

/** In the order of the kinds, each once: the same text however they were found. */
function textOf(recipient: string, pairs: readonly Pair[]): string {
  // Texts come from the chain too: half a surrogate pair could not be encoded.
  const parts = MATCH_KINDS.flatMap((kind) =>
    pairs.filter((pair) => pair[0] === kind).map(([, value]) => `${kind}=${encodeURIComponent(value.toWellFormed())}`),
  );
  return parts.length === 0 ? recipient : `${recipient}${MARK}${[...new Set(parts)].join("&")}`;
}

function pairsIn(matchKey: string): Pair[] {
  const mark = matchKey.indexOf(MARK);
  if (mark === -1) return [];
  return matchKey
    .slice(mark + 1)
    .split("&")
    .map((pair): Pair => {
      const equals = pair.indexOf("=");
      return [pair.slice(0, equals) as MatchKind, decodeURIComponent(pair.slice(equals + 1))];
    });
}

function* candidates({
  txId,
  payers = [],
  referenceKeys = [],
  intentHashes = [],
  memos = [],
  gateways = [],
}: Partial<Evidence>): Iterable<PaymentMatch> {
  if (txId !== undefined) for (const payer of payers) yield { txId, payer };
  for (const referenceKey of referenceKeys) yield { referenceKey };
  for (const intentHash of intentHashes) yield { intentHash };
  for (const memo of memos) yield { memo };
  for (const gateway of gateways) yield { tributary: gateway };
  if (gateways.length > 0) yield { tributary: ANY_GATEWAY };
  for (const payer of payers) yield { payer };
}
