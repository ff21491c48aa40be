/** Sui's networks. A network is known by the digest of its genesis checkpoint, which every node names. */

export type SuiNetworkName = "mainnet" | "testnet" | "devnet" | "localnet";

/** Source: MAINNET_CHAIN_IDENTIFIER_BASE58 and TESTNET_CHAIN_IDENTIFIER_BASE58 in Sui's sui_types::digests. The other
 * networks begin anew from time to time, so the configuration has to say which one is meant. */
const GENESIS: Readonly<Record<string, string>> = {
  mainnet: "4btiuiMPvEENsttpZC7CZ53DruC3MAgfznDbASZ7DR6S",
  testnet: "69WiPg3DAQiwdxfncX6wYQ2siKwAe6L9BZthQea3JNMD",
};

/** Digest of the genesis checkpoint (base58) that the node has to name. */
export function expectedChainId(network: SuiNetworkName, chainId: string | null): string {
  const expected = chainId ?? GENESIS[network];
  if (expected === undefined) throw new Error(`Sui's ${network} needs a chainId.`);
  return expected;
}

/** For messages: a network's name, or the digest where it is none of the known ones. */
export function nameOfChainId(chainId: string): string {
  return Object.keys(GENESIS).find((name) => GENESIS[name] === chainId) ?? `the chain ${chainId}`;
}
