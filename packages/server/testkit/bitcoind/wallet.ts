/** The payer: mined coins on one key, and signed transactions that spend them (P2WPKH). */
import { Address, OutScript, p2wpkh, Transaction } from "@scure/btc-signer";
import { pubECDSA } from "@scure/btc-signer/utils.js";
import { BITCOIN_NETWORKS } from "../../src/chains/bitcoin/network.ts";

const { coding } = BITCOIN_NETWORKS.regtest;
/** Generous, so that bcoin takes everything into the next block. */
const FEE_PER_BYTE = 20n;
const INPUT_BYTES = 70;
const OUTPUT_BYTES = 45;
const OVERHEAD_BYTES = 60;

export interface Output {
  script: Uint8Array;
  amountAtomic: bigint;
}

export interface Coin {
  txId: string;
  vout: number;
  amountAtomic: bigint;
}

export function scriptOf(address: string): Uint8Array {
  return OutScript.encode(Address(coding).decode(address));
}

export class Wallet {
  readonly #key: Uint8Array;
  readonly script: Uint8Array;
  #made = 0;

  constructor(seed = 1) {
    this.#key = new Uint8Array(32).fill(seed);
    this.script = p2wpkh(pubECDSA(this.#key), coding).script;
  }

  /** A fresh address that nobody spends from. */
  newAddress(): string {
    this.#made += 1;
    const hash = new Uint8Array(20).fill(7);
    new DataView(hash.buffer).setUint32(0, this.#made);
    return Address(coding).encode({ type: "wpkh", hash });
  }

  /**
   * A signed transaction from these coins to the outputs, in their order, with the change behind them.
   * @param rbf it says that it may be replaced (BIP125)
   */
  sign(
    coins: readonly Coin[],
    outputs: readonly Output[],
    options: { rbf?: boolean; feeFactor?: bigint } = {},
  ): Buffer {
    const transaction = new Transaction({ allowUnknownOutputs: true });
    for (const { txId, vout, amountAtomic } of coins) {
      transaction.addInput({
        txid: txId,
        index: vout,
        sequence: options.rbf ? 0xfffffffd : 0xffffffff,
        witnessUtxo: { script: this.script, amount: amountAtomic },
      });
    }
    for (const { script, amountAtomic } of outputs) transaction.addOutput({ script, amount: amountAtomic });
    const change = sum(coins) - sum(outputs) - this.feeFor(coins.length, outputs.length) * (options.feeFactor ?? 1n);
    if (change < 0n) throw new Error("The coins do not cover the outputs and the fee.");
    if (change > 1_000n) transaction.addOutput({ script: this.script, amount: change });
    transaction.sign(this.#key);
    transaction.finalize();
    return Buffer.from(transaction.extract());
  }

  feeFor(inputs: number, outputs: number): bigint {
    return BigInt(OVERHEAD_BYTES + inputs * INPUT_BYTES + outputs * OUTPUT_BYTES) * FEE_PER_BYTE;
  }
}

export function sum(amounts: readonly { amountAtomic: bigint }[]): bigint {
  return amounts.reduce((total, { amountAtomic }) => total + amountAtomic, 0n);
}
