/** When the logs of a block are worth a question. */
import { describe, expect, it } from "vitest";
import { bloomBits } from "../../src/chains/evm/bloom.ts";
import { TRANSFER_TOPIC } from "../../src/chains/evm/erc20.ts";
import { TokenRegistry } from "../../src/chains/evm/tokens.ts";

const USDT = "0xdac17f958d2ee523a2206206994597c13d831ec7";
const OTHER = "0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48";

/** A block's filter after logs with these addresses and topics. */
function bloomOf(...parts: readonly string[]): string {
  const bytes = Buffer.alloc(256);
  for (const { byte, mask } of parts.flatMap(bloomBits)) bytes[byte] = (bytes[byte] ?? 0) | mask;
  return `0x${bytes.toString("hex")}`;
}

const registry = new TokenRegistry({ symbol: "ETH", decimals: 18 }, [
  { contract: USDT, symbol: "USDT", decimals: 6, balanceCheck: true },
]);

describe("a block's filter", () => {
  it("sets the bits of the specification", () => {
    // keccak256 of the address begins with the three numbers that choose the bits; worked out from the yellow paper.
    expect(bloomBits("0x0f572e5295c57f15886f9b263e2f6d2d6c7b5ec6")).toEqual([
      { byte: 255 - (1323 >> 3), mask: 1 << (1323 & 7) },
      { byte: 255 - (431 >> 3), mask: 1 << (431 & 7) },
      { byte: 255 - (1319 >> 3), mask: 1 << (1319 & 7) },
    ]);
  });

  it("with the token and the topic may have a transfer", () => {
    expect(registry.mayHaveTransfers(bloomOf(USDT, TRANSFER_TOPIC))).toBe(true);
    expect(registry.mayHaveTransfers(bloomOf(USDT, TRANSFER_TOPIC, OTHER))).toBe(true);
  });

  it("without either has none", () => {
    expect(registry.mayHaveTransfers(bloomOf(OTHER, TRANSFER_TOPIC))).toBe(false);
    expect(registry.mayHaveTransfers(bloomOf(USDT))).toBe(false);
  });

  it("that is empty or missing says nothing: some networks leave it so though there are logs", () => {
    expect(registry.mayHaveTransfers(bloomOf())).toBe(true);
    expect(registry.mayHaveTransfers("0x")).toBe(true);
    expect(new TokenRegistry({ symbol: "ETH", decimals: 18 }, []).mayHaveTransfers(bloomOf())).toBe(false);
  });
});
