/** What every node of a cluster in tests is told, and what its clients need to know. */

export const KEY = "sk_sandbox_paybell";

/** A chain that the merchant's own backend watches. */
export const REPORTED_CHAIN = "harbour";

/** Time between pings, ms: who sits on a node that was stopped notices soon. */
const PING_INTERVAL_MS = 2_000;
/** Records of a payment, the stock that it moves included; more than any has. */
const RECORDS_PER_PAYMENT = 20;

/** `paybell.config.json`. Replays are to reach back to the beginning of the run. */
export function nodeConfig(payments: number): object {
  const assets = [{ symbol: "SBX", decimals: 6 }];
  return {
    chains: { [REPORTED_CHAIN]: { kind: "external", assets, confirmations: 2, finalConfirmations: 6 } },
    limits: { replayRecords: payments * RECORDS_PER_PAYMENT, pingIntervalMs: PING_INTERVAL_MS },
  };
}
