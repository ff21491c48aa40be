/** One `EvmSource` on a test's chain, and what it is asked with. */
import { EvmSource, type EvmSourceOptions } from "../../src/chains/evm/evm-source.ts";
import { type Token, TokenRegistry } from "../../src/chains/evm/tokens.ts";
import type { Interest, SightedTransfer } from "../../src/chains/following/block-source.ts";
import { watchedKey } from "../../src/chains/match.ts";
import { systemClock } from "../../src/kit/clock.ts";
import type { TestChain } from "./test-chain.ts";

export function sourceOn(
  chain: TestChain,
  tokens: readonly Token[] = [],
  options: Partial<EvmSourceOptions> = {},
): EvmSource {
  return new EvmSource({
    url: chain.facade.url,
    wsUrl: null,
    headers: {},
    chainId: chain.chainId,
    tokens: new TokenRegistry({ symbol: "ETH", decimals: 18 }, tokens),
    tag: null,
    mempool: false,
    batchSize: 20,
    clock: systemClock,
    ...options,
  });
}

export function token(contract: string, options: Partial<Token> = {}): Token {
  return { contract, symbol: "USDT", decimals: 6, balanceCheck: true, ...options };
}

/** Somebody waits for these addresses, or match keys, in whatever case. */
export function waitingFor(...keys: readonly string[]): Interest {
  const waited = new Set(keys.flatMap((key) => [key, key.toLowerCase()]));
  const watches = (key: string) => waited.has(key);
  return {
    knows: watches,
    keyFor: (recipient, evidence) => watchedKey(watches, recipient, evidence),
    followsSpend: () => false,
    refresh: async () => undefined,
  };
}

/** What the newest block brings. */
export async function inNewestBlock(source: EvmSource, interest: Interest): Promise<readonly SightedTransfer[]> {
  const head = await source.head();
  const [block] = await source.blocksAfter(head.height - 1, head, 1, interest);
  if (!block) throw new Error("The chain has no block.");
  return block.transfers;
}
