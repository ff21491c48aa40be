/** Wallets and signed transactions, made with the genuine library (tronweb), offline. */
import { randomBytes } from "node:crypto";
import { utils } from "tronweb";
import type { SignedTransaction } from "./node-answers.ts";

/** How long a transaction may wait for a block, milliseconds; wallets use a minute. */
const LIFETIME_MS = 60_000;
const FEE_LIMIT_SUN = 100_000_000;

/** Of a TRC-20 token. */
const TRANSFER = {
  type: "function",
  name: "transfer",
  inputs: [
    { name: "to", type: "address" },
    { name: "value", type: "uint256" },
  ],
  outputs: [{ name: "", type: "bool" }],
  stateMutability: "nonpayable",
};

/** Beside what is moved. */
export interface SendOptions {
  /** As text, or as bytes that may be none. */
  memo?: string | Uint8Array;
  /** The sender's clock, milliseconds. Two transactions of one sender that are alike differ in it. */
  nowMs: number;
  /** Of a block that the sender knows: transactions are valid on its branch. */
  refBlockId: string;
}

/** Lower-case hex, of base58 or hex. */
export function hexOf(address: string): string {
  return utils.address.toHex(address).toLowerCase();
}

/** A fresh one, base58. Nobody has the key of it. */
export function randomAddress(): string {
  return utils.address.fromHex(`41${randomBytes(20).toString("hex")}`);
}

export class TronWallet {
  /** Base58. */
  readonly address: string;
  /** Lower-case hex with the prefix. */
  readonly hex: string;
  readonly #privateKey: string;

  constructor() {
    const { privateKey, address } = utils.accounts.generateAccount();
    this.#privateKey = privateKey;
    this.address = address.base58;
    this.hex = address.hex.toLowerCase();
  }

  /** TRX. */
  transfer(to: string, amountSun: bigint, options: SendOptions): SignedTransaction {
    const value = { amount: Number(amountSun), owner_address: this.hex, to_address: hexOf(to) };
    return this.#send("TransferContract", value, options);
  }

  /** A TRC-10 coin, which is no TRX although it is moved in nearly the same way. */
  transferAsset(to: string, assetId: string, amount: bigint, options: SendOptions): SignedTransaction {
    const value = {
      amount: Number(amount),
      asset_name: Buffer.from(assetId).toString("hex"),
      owner_address: this.hex,
      to_address: hexOf(to),
    };
    return this.#send("TransferAssetContract", value, options);
  }

  /** A TRC-20 token, by a call of its contract's `transfer`. */
  transferToken(contract: string, to: string, amount: bigint, options: SendOptions): SignedTransaction {
    return this.call(contract, utils.abi.encodeFunctionData(TRANSFER, [to, amount.toString()]), options);
  }

  /** Any call of a contract. @param data hex */
  call(contract: string, data: string, options: SendOptions): SignedTransaction {
    const value = { data, owner_address: this.hex, contract_address: hexOf(contract) };
    return this.#send("TriggerSmartContract", value, options, { fee_limit: FEE_LIMIT_SUN });
  }

  /** Signature of these 32 bytes, hex. */
  sign(hashHex: string): string {
    return utils.crypto.ECKeySign(utils.code.hexStr2byteArray(hashHex), utils.code.hexStr2byteArray(this.#privateKey));
  }

  #send(type: string, value: object, options: SendOptions, more: object = {}): SignedTransaction {
    const { memo, nowMs, refBlockId } = options;
    const raw_data = {
      contract: [{ parameter: { value, type_url: `type.googleapis.com/protocol.${type}` }, type }],
      // The last two bytes of a block's height, and eight bytes of its id.
      ref_block_bytes: refBlockId.slice(12, 16),
      ref_block_hash: refBlockId.slice(16, 32),
      expiration: nowMs + LIFETIME_MS,
      ...more,
      timestamp: nowMs,
      ...(memo === undefined ? {} : { data: Buffer.from(memo).toString("hex") }),
    };
    const signed = utils.transaction.txJsonToPb({ visible: false, raw_data });
    const txID = utils.transaction.txPbToTxID(signed).replace(/^0x/, "");
    const raw_data_hex = utils.transaction.txPbToRawDataHex(signed).toLowerCase();
    return { txID, raw_data, raw_data_hex, signature: [this.sign(txID).toLowerCase()] } as SignedTransaction;
  }
}
