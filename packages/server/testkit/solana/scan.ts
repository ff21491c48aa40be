/** What a source finds in all blocks of a node, for somebody who waits for these match keys. */
import type { Interest, SightedTransfer } from "../../src/chains/following/block-source.ts";
import { type Evidence, matchKeyOf, type PaymentMatch, recipientIn, watchedKey } from "../../src/chains/match.ts";
import { SolanaSource, type SolanaSourceOptions } from "../../src/chains/solana/solana-source.ts";
import type { SolanaToken } from "../../src/chains/solana/tokens.ts";
import type { TestSolanaNode } from "./solana-node.ts";

export type Wait = string | readonly [wallet: string, match: PaymentMatch];

/** As the watch list answers: whoever waits for more than a wallet has the wallet watched too. */
export function waitingFor(...waits: readonly Wait[]): Interest {
  const keys = waits.map((wait) => (typeof wait === "string" ? wait : matchKeyOf(wait[0], wait[1])));
  const watched = new Set([...keys, ...keys.map(recipientIn)]);
  const watches = (key: string) => watched.has(key);
  return {
    knows: watches,
    keyFor: (recipient: string, evidence: Evidence) => watchedKey(watches, recipient, evidence),
    followsSpend: () => false,
    refresh: async () => undefined,
  };
}

export function sourceOn(
  { server, ledger }: TestSolanaNode,
  tokens: readonly SolanaToken[] = [],
  options: Partial<SolanaSourceOptions> = {},
): SolanaSource {
  return new SolanaSource({
    url: server.url,
    wsUrl: null,
    headers: {},
    genesisHash: ledger.genesisHash,
    tokens: new Map(tokens.map((token) => [token.mint, token])),
    tributaryProgram: null,
    onUnusableMemo: () => undefined,
    timeoutMs: 5_000,
    ...options,
  });
}

/** Mines what waits, and reads the whole chain but its first block. */
export async function scan(
  node: TestSolanaNode,
  source: SolanaSource,
  ...waits: readonly Wait[]
): Promise<readonly SightedTransfer[]> {
  node.mine(1);
  const blocks = await source.blocksAfter(node.ledger.first.slot, await source.head(), 1_000, waitingFor(...waits));
  return blocks.flatMap(({ transfers }) => transfers);
}
