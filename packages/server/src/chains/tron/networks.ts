/** The public networks, known by the id of their first block. Source: each network's block 0; CAIP-2 `tron` references
 * are the last bytes of the same ids. */
export const TRON_GENESIS = {
  mainnet: "00000000000000001ebf88508a03865c71d452e25f4d51194196a1d22b6653dc",
  nile: "0000000000000000d698d4192c56cb6be724a558448e2684802de4d6cd8690dc",
  shasta: "0000000000000000de1aa88295e1fcf982742f773e0419c5a9c134c994a9059e",
} as const;
