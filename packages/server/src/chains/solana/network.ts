/** Solana's networks by the hash of their first block. Source: Solana documentation, "Clusters". */

export const SOLANA_GENESIS = {
  "mainnet-beta": "5eykt4UsFv8P8NJdTREpY1vzqKqZKvdpKuc147dw2N9d",
  devnet: "EtWTRABZaYq6iMfeYKouRu166VU2xqa1wcaWoxPkrZBG",
  testnet: "4uhcVJyU9pJkvQyS88uRDiswHXSCkY3zQawwpjk2NsNY",
} as const;

/** `private`: known by the `genesisHash` of the configuration, or not checked. */
export type SolanaNetworkName = keyof typeof SOLANA_GENESIS | "private";

/** `null`: it is not checked. */
export function genesisOf(network: SolanaNetworkName, given: string | null): string | null {
  return network === "private" ? given : SOLANA_GENESIS[network];
}
