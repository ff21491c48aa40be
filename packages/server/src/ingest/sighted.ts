/** What a watcher saw of a transfer → the transfer itself, and the question whose it is. */
import { alsoBeside, matchIn, narrowerKeys, recipientIn } from "../chains/match.ts";
import type { RouteKey, RouteQuery } from "../log/store.ts";
import { creditTimeMs, namedCreditTimeMs, type Observation } from "../payments/transfer.ts";

export interface Sighted {
  /** Its recipient without what is beside it. */
  observation: Observation;
  query: RouteQuery;
}

export function sighted(observation: Observation): Sighted {
  const { chain, txId, index, standingReference } = observation;
  const recipient = recipientIn(observation.recipient);
  // The payment of a registration's text comes before the registration.
  const beside =
    standingReference === undefined
      ? observation.recipient
      : alsoBeside(observation.recipient, { memo: standingReference });
  const query: RouteQuery = { chain, txId, index, recipient, timeMs: creditTimeMs(observation) };
  if (beside === recipient) return { observation, query };
  const narrower = narrowerKeys(beside).map(
    (matchKey): RouteKey =>
      matchIn(matchKey).txId === undefined ? { matchKey } : { matchKey, namedTimeMs: namedCreditTimeMs(observation) },
  );
  return { observation: { ...observation, recipient }, query: { ...query, narrower } };
}
