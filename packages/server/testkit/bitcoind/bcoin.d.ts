/** The parts of bcoin 1.0.2 that the facade uses; bcoin itself has no types. Hashes are hex in internal byte order. */
declare module "bcoin" {
  import type { EventEmitter } from "node:events";

  export interface Outpoint {
    hash: string;
    index: number;
  }

  export interface TX {
    inputs: { prevout: Outpoint; sequence: number }[];
    outputs: { value: number; script: { toRaw(): Buffer } }[];
    hash(encoding: "hex"): string;
    txid(): string;
    toRaw(): Buffer;
    isCoinbase(): boolean;
    isRBF(): boolean;
    getVirtualSize(): number;
    getWeight(): number;
  }

  export interface Block {
    txs: TX[];
    hash(encoding: "hex"): string;
    toRaw(): Buffer;
  }

  export interface ChainEntry {
    hash: string;
    prevBlock: string;
    height: number;
    time: number;
    rhash(): string;
  }

  export interface Coin {
    value: number;
    height: number;
    coinbase: boolean;
  }

  export interface Chain extends EventEmitter {
    tip: ChainEntry;
    height: number;
    add(block: Block): Promise<ChainEntry | null>;
    open(): Promise<void>;
    close(): Promise<void>;
    getBlock(hash: string): Promise<Block | null>;
    getEntry(hashOrHeight: string | number): Promise<ChainEntry | null>;
    getTX(hash: string): Promise<TX | null>;
    /** The chain ends at this height again; what was above is forgotten. */
    reset(height: number): Promise<void>;
    isMainChain(entry: ChainEntry): Promise<boolean>;
  }

  export interface MempoolEntry {
    tx: TX;
  }

  export interface Mempool extends EventEmitter {
    map: Map<string, MempoolEntry>;
    /** Resolves to the missing parents' hashes, or `null` when it was taken. */
    addTX(tx: TX): Promise<string[] | null>;
    evictEntry(entry: MempoolEntry): void;
    getEntry(hash: string): MempoolEntry | undefined;
    getTX(hash: string): TX | null;
    getSpentTX(hash: string, index: number): TX | null;
    getAncestors(entry: MempoolEntry): MempoolEntry[];
    reset(): Promise<void>;
  }

  export interface BlockProof {
    verify(target: Buffer): boolean;
  }

  export interface BlockTemplate {
    items: unknown[];
    fees: number;
    time: number;
    target: Buffer;
    pushTX(tx: TX): boolean;
    refresh(): void;
    getProof(nonce1: number, nonce2: number, time: number, nonce: number): BlockProof;
    commit(proof: BlockProof): Block;
  }

  export interface Miner {
    createBlock(tip: ChainEntry | null, address: Address): Promise<BlockTemplate>;
  }

  /** Opaque here. */
  export type Address = object;
  export type Script = object;

  export interface Network {
    time: { now(): number };
    deployments: { segwit: { window: number; threshold: number } };
  }

  export class FullNode extends EventEmitter {
    constructor(options: { network: string; memory: boolean; indexTX: boolean; workers: boolean; listen: boolean });
    chain: Chain;
    mempool: Mempool;
    miner: Miner;
    http: { open(): Promise<void>; close(): Promise<void> };
    open(): Promise<void>;
    close(): Promise<void>;
    getCoin(hash: string, index: number): Promise<Coin | null>;
  }

  const bcoin: {
    set(network: "regtest"): void;
    Network: { get(type: "regtest"): Network };
    TX: { fromRaw(raw: Buffer): TX };
    Address: { fromScript(script: Script): Address };
    Script: { fromRaw(raw: Buffer): Script };
    FullNode: typeof FullNode;
  };
  export default bcoin;
}
