/**
 * A transaction as `getBlock` and `getTransaction` give it in the encoding `json`, looked at only where that is needed:
 * most transactions of a block are votes. Source: Solana documentation, "RPC: JSON structures".
 */
import { EndpointFailure } from "../following/block-source.ts";

/** Lamports. Beyond 2^53 a JavaScript number is not exact: then it has to be read as `bigint`, see `exact-json.ts`. */
export type Lamports = number | bigint;

export interface Instruction {
  programIdIndex: number;
  accounts: readonly number[];
  /** Base58. */
  data: string;
}

export interface TokenBalance {
  accountIndex: number;
  mint: string;
  owner?: string;
  programId?: string;
  uiTokenAmount: { amount: string };
}

export interface RawTransaction {
  transaction: {
    signatures: readonly string[];
    message: {
      accountKeys: readonly string[];
      header: {
        numRequiredSignatures: number;
        numReadonlySignedAccounts: number;
        numReadonlyUnsignedAccounts: number;
      };
      instructions: readonly Instruction[];
    };
  };
  meta: {
    err: unknown;
    fee: Lamports;
    preBalances: readonly Lamports[];
    postBalances: readonly Lamports[];
    preTokenBalances?: readonly TokenBalance[] | null;
    postTokenBalances?: readonly TokenBalance[] | null;
    innerInstructions?: readonly { index: number; instructions: readonly Instruction[] }[] | null;
    logMessages?: readonly string[] | null;
    loadedAddresses?: { writable: readonly string[]; readonly: readonly string[] } | null;
  } | null;
}

const NOTHING_LOADED = { writable: [], readonly: [] } as const;

/** One that executed. */
export class Transaction {
  readonly id: string;
  readonly #raw: RawTransaction;
  readonly #meta: NonNullable<RawTransaction["meta"]>;
  /** Of the message, and what its look-up tables have loaded: in the order of all indexes. */
  readonly keys: readonly string[];

  private constructor(raw: RawTransaction, meta: NonNullable<RawTransaction["meta"]>) {
    this.#raw = raw;
    this.#meta = meta;
    this.id = raw.transaction.signatures[0] as string;
    const { accountKeys } = raw.transaction.message;
    const { writable, readonly } = meta.loadedAddresses ?? NOTHING_LOADED;
    // Of most transactions they are the message's own: a list for each would be the dearest part of reading a block.
    this.keys = writable.length + readonly.length === 0 ? accountKeys : [...accountKeys, ...writable, ...readonly];
  }

  /** `null`: it is in the block, and failed: nothing but its fee was moved.
   * @throws EndpointFailure where the node does not say what became of it */
  static executed(raw: RawTransaction): Transaction | null {
    const { meta } = raw;
    if (!meta) throw new EndpointFailure("The node gives a transaction without its results.");
    return meta.err === null ? new Transaction(raw, meta) : null;
  }

  get meta(): NonNullable<RawTransaction["meta"]> {
    return this.#meta;
  }

  /** Those of the message. */
  get topLevel(): readonly Instruction[] {
    return this.#raw.transaction.message.instructions;
  }

  /** With those that they have called. */
  get instructions(): readonly Instruction[] {
    const inner = this.#meta.innerInstructions ?? [];
    return [...this.topLevel, ...inner.flatMap(({ instructions }) => instructions)];
  }

  get logs(): readonly string[] {
    return this.#meta.logMessages ?? [];
  }

  /** Accounts that it only reads and that have not signed: where Solana Pay puts its references. */
  get readonlyKeys(): readonly string[] {
    const { accountKeys, header } = this.#raw.transaction.message;
    const from = accountKeys.length - header.numReadonlyUnsignedAccounts;
    return [...accountKeys.slice(from), ...(this.#meta.loadedAddresses?.readonly ?? [])];
  }
}
