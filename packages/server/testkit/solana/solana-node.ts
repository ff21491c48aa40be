/**
 * A Solana node for tests: its interface in front of the real virtual machine (litesvm), in this process. Execution,
 * balances and logs are the machine's; blocks, slots and finality are simulated (`ledger.ts`).
 * Source: agave, `rpc/src/rpc.rs`, `rpc-client-api/src/custom_error.rs`.
 */
import { JsonRpcServer, RpcRefusal, Written } from "./json-rpc-server.ts";
import { type Fate, Ledger, type LedgerBlock } from "./ledger.ts";

interface Config {
  commitment?: "confirmed" | "finalized";
  transactionDetails?: "full" | "none";
  maxSupportedTransactionVersion?: number;
}

/** Replaces what a method answers: gets the real answer. */
export type Override = (real: () => unknown, params: readonly unknown[]) => unknown;

export class TestSolanaNode {
  readonly ledger: Ledger;
  readonly server: JsonRpcServer;
  /** By method. */
  readonly overrides = new Map<string, Override>();

  /** @param nowMs its clock; default the machine's */
  static async start(nowMs: () => number = Date.now): Promise<TestSolanaNode> {
    const node = new TestSolanaNode(await Ledger.start(nowMs));
    await node.server.listen();
    return node;
  }

  private constructor(ledger: Ledger) {
    this.ledger = ledger;
    this.server = new JsonRpcServer((method, params) => {
      const real = () => this.#answer(method, params);
      const override = this.overrides.get(method);
      return override ? override(real, params) : real();
    });
  }

  /** @param skipped slots without a block before each */
  mine(blocks: number, skipped = 0): void {
    this.ledger.mine(blocks, skipped);
    this.push();
  }

  reorg(depth: number, fate: Fate): void {
    this.ledger.reorg(depth, fate);
    this.push();
  }

  /** Tells of the newest slot. */
  push(): void {
    this.server.push(this.ledger.head.slot, this.ledger.finalized.slot);
  }

  #answer(method: string, params: readonly unknown[]): unknown {
    const { ledger } = this;
    const config = (params.find((param) => typeof param === "object") ?? {}) as Config;
    switch (method) {
      case "getGenesisHash":
        return ledger.genesisHash;
      case "getHealth":
        return "ok";
      case "getFirstAvailableBlock":
        return ledger.firstAvailableSlot;
      case "getSlot":
        return (config.commitment === "finalized" ? ledger.finalized : ledger.head).slot;
      case "getBlocks": {
        const [first, last] = params as [number, number];
        return ledger.slotsWithBlocks(Math.max(first, ledger.firstAvailableSlot), last);
      }
      case "getBlock":
        return this.#block(params[0] as number, config);
      case "getTransaction":
        return this.#transaction(params[0] as string);
      case "getTokenSupply":
        return this.#supply(params[0] as string);
      default:
        throw new RpcRefusal(-32601, "Method not found");
    }
  }

  #block(slot: number, config: Config): unknown {
    const { ledger } = this;
    if (slot < ledger.firstAvailableSlot) {
      const first = ledger.firstAvailableSlot;
      const message = `Block ${slot} cleaned up, does not exist on node. First available block: ${first}`;
      throw new RpcRefusal(-32001, message, { firstAvailableBlock: first, slot });
    }
    if (slot > ledger.head.slot) throw new RpcRefusal(-32004, `Block not available for slot ${slot}`);
    const block = ledger.blockIn(slot);
    if (!block) throw new RpcRefusal(-32007, `Slot ${slot} was skipped, or missing due to ledger jump`);
    const { hash, parentHash, parentSlot, timeSeconds } = block;
    const header = { blockhash: hash, previousBlockhash: parentHash, parentSlot, blockTime: timeSeconds };
    return config.transactionDetails === "none" ? header : { ...header, transactions: readable(block, config) };
  }

  #transaction(txId: string): unknown {
    const found = this.ledger.transaction(txId);
    return found && { ...found.transaction, slot: found.block.slot, blockTime: found.block.timeSeconds };
  }

  #supply(mint: string): unknown {
    const decimals = this.ledger.svm.decimalsOf(mint);
    if (decimals === null) throw new RpcRefusal(-32602, "Invalid param: not a Token mint");
    return { context: { slot: this.ledger.head.slot }, value: { amount: "0", decimals } };
  }
}

/** As a node refuses a block to those who do not know the newest transactions. */
function readable({ transactions }: LedgerBlock, { maxSupportedTransactionVersion = -1 }: Config) {
  for (const { version } of transactions) {
    if (version === "legacy" || version <= maxSupportedTransactionVersion) continue;
    const message = `Transaction version (${version}) is not supported by the requesting client.`;
    throw new RpcRefusal(-32015, message);
  }
  return new Written(transactions);
}
