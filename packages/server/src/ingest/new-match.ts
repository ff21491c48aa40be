/** What a payment is to be told apart by: which combinations make sense, and which of them the chain knows. */
import { MATCH_KINDS, type MatchKind, type PaymentMatch } from "@paybell/protocol";
import { InvalidMatch } from "../chains/match.ts";
import type { ChainFacts } from "../chains/watcher.ts";
import { PaybellError } from "../kit/errors.ts";
import type { CreateRequest } from "./ingest.ts";

/** In canonical form; `null`: by its address alone.
 * @throws PaybellError not_supported, invalid_request */
export function readMatch({ match, amountAtomic }: CreateRequest, facts: ChainFacts): PaymentMatch | null {
  if (match === undefined) return null;
  const kinds = MATCH_KINDS.filter((kind) => match[kind] !== undefined);
  requireCombination(kinds);
  requireKnown(kinds, facts);
  if (match.tributary !== undefined && amountAtomic !== null) {
    throw invalid(
      "match.tributary",
      "A registration takes every record of the program: it is for a standing payment (amount null).",
    );
  }
  return Object.fromEntries(kinds.map((kind) => [kind, canonicalMatch(facts, kind, match[kind] as string)]));
}

/** @throws PaybellError not_supported, invalid_request */
export function canonicalMatch(facts: ChainFacts, kind: MatchKind, value: string, field = `match.${kind}`): string {
  if (!facts.match?.kinds.includes(kind)) throw notSupported([kind], facts);
  try {
    return facts.match.canonical(kind, value);
  } catch (error) {
    if (!(error instanceof InvalidMatch)) throw error;
    throw invalid(field, `"${value}" is no ${kind} on ${facts.chain}: ${error.message}`);
  }
}

function requireCombination(kinds: readonly MatchKind[]): void {
  if (kinds.includes("txId") && !kinds.includes("payer")) {
    throw invalid(
      "match.payer",
      "match: a transaction's id alone proves nothing: everybody can read it on the chain, and could settle this payment with a stranger's transaction. Give the address it is sent from beside it: {txId, payer}.",
    );
  }
  const isPair = kinds.length === 2 && kinds.includes("txId");
  if (kinds.length === 1 || isPair) return;
  throw invalid(
    "match",
    `match: exactly one of ${MATCH_KINDS.filter((kind) => kind !== "txId").join(", ")}, or txId with payer; ${kinds.length === 0 ? "none" : kinds.join(", ")} given.`,
  );
}

function requireKnown(kinds: readonly MatchKind[], facts: ChainFacts): void {
  const allowed = facts.match?.kinds ?? [];
  const unknown = kinds.filter((kind) => !allowed.includes(kind));
  if (unknown.length > 0) throw notSupported(unknown, facts);
}

function notSupported(kinds: readonly MatchKind[], { chain, match }: ChainFacts): PaybellError {
  const allowed = match?.kinds ?? [];
  const known =
    allowed.length === 0
      ? "payments are told apart by their address alone: give each one its own"
      : `payments can be told apart by ${allowed.join(", ")}`;
  return new PaybellError("not_supported", `match: no ${kinds.join(", ")} on ${chain} here; ${known}.`, {
    field: "match",
    allowed,
  });
}

function invalid(field: string, message: string): PaybellError {
  return new PaybellError("invalid_request", message, { field });
}
