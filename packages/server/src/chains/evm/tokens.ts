/** The coins that count: the native one, and the ERC-20 contracts of the configuration. Nothing else ever does. */
import { type BloomBits, bloomBits, LogsBloom } from "./bloom.ts";
import { TRANSFER_TOPIC } from "./erc20.ts";

export interface NativeCoin {
  symbol: string;
  decimals: number;
}

export interface Token {
  /** Lower-case hex with 0x. */
  contract: string;
  symbol: string;
  decimals: number;
  /** Count what arrived by its balances, not what its logs say (docs/decisions/0011-fee-on-transfer-tokens.md). */
  balanceCheck: boolean;
}

export class TokenRegistry {
  readonly native: NativeCoin;
  readonly all: readonly Token[];
  readonly #byContract: ReadonlyMap<string, Token>;
  readonly #transferBits: BloomBits = bloomBits(TRANSFER_TOPIC);
  readonly #contractBits: readonly BloomBits[];

  constructor(native: NativeCoin, tokens: readonly Token[]) {
    this.native = native;
    this.all = tokens.map((token) => ({ ...token, contract: token.contract.toLowerCase() }));
    this.#byContract = new Map(this.all.map((token) => [token.contract, token]));
    this.#contractBits = this.all.map(({ contract }) => bloomBits(contract));
  }

  at(contract: string): Token | undefined {
    return this.#byContract.get(contract);
  }

  /** May a block with this filter have a transfer of one of them? */
  mayHaveTransfers(logsBloom: string): boolean {
    if (this.all.length === 0) return false;
    const bloom = new LogsBloom(logsBloom);
    return bloom.mayHave(this.#transferBits) && this.#contractBits.some((bits) => bloom.mayHave(bits));
  }
}
