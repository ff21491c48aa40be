/**
 * What differs between the Bitcoin networks. Sources: Bitcoin Core `chainparams.cpp`, SLIP-132 (version bytes of
 * extended keys).
 */
export type BitcoinNetworkName = "mainnet" | "testnet" | "signet" | "regtest";

export interface BitcoinNetwork {
  readonly name: BitcoinNetworkName;
  /** What `getblockchaininfo` calls it. */
  readonly rpcChain: string;
  readonly genesisHash: string;
  /** The form that `@scure/btc-signer` takes. */
  readonly coding: { bech32: string; pubKeyHash: number; scriptHash: number; wif: number };
  /** Version bytes of the extended public keys that are accepted, with the name that people know them by. */
  readonly xpubVersions: Readonly<Record<number, string>>;
  /** A node without peers is cut off; on regtest that is normal. */
  readonly needsPeers: boolean;
  /** `null`: blocks and transactions come when they come. */
  readonly silence: SilenceLimits | null;
}

/** After so long without news the node is suspected to be cut off, milliseconds. */
export interface SilenceLimits {
  /** Neither a block nor a transaction, from a node that relays transactions. */
  anythingMs: number;
  /** No block, from a node that was never heard to relay a transaction (`-blocksonly`). */
  blockMs: number;
}

/** On mainnet some transactions come every second. Blocks come every ten minutes on average, and two hours without one
 * about once in three years. */
const MAINNET_SILENCE: SilenceLimits = { anythingMs: 10 * 60_000, blockMs: 2 * 60 * 60_000 };

const TEST_CODING = { bech32: "tb", pubKeyHash: 0x6f, scriptHash: 0xc4, wif: 0xef };
const TEST_XPUBS = { 70617039: "tpub", 73342198: "vpub" };

export const BITCOIN_NETWORKS: Readonly<Record<BitcoinNetworkName, BitcoinNetwork>> = {
  mainnet: {
    name: "mainnet",
    rpcChain: "main",
    genesisHash: "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f",
    coding: { bech32: "bc", pubKeyHash: 0x00, scriptHash: 0x05, wif: 0x80 },
    xpubVersions: { 76067358: "xpub", 78792518: "zpub" },
    needsPeers: true,
    silence: MAINNET_SILENCE,
  },
  testnet: {
    name: "testnet",
    rpcChain: "test",
    genesisHash: "000000000933ea01ad0ee984209779baaec3ced90fa3f408719526f8d77f4943",
    coding: TEST_CODING,
    xpubVersions: TEST_XPUBS,
    needsPeers: true,
    silence: null,
  },
  signet: {
    name: "signet",
    rpcChain: "signet",
    genesisHash: "00000008819873e925422c1ff0f99f7cc9bbb232af63a077a480a3633bee1ef6",
    coding: TEST_CODING,
    xpubVersions: TEST_XPUBS,
    needsPeers: true,
    silence: null,
  },
  regtest: {
    name: "regtest",
    rpcChain: "regtest",
    genesisHash: "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206",
    coding: { ...TEST_CODING, bech32: "bcrt" },
    xpubVersions: TEST_XPUBS,
    needsPeers: false,
    silence: null,
  },
};
