/** What the rest of the server has to know of the simulated chain. Source: DESIGN.md, "HTTP API". */
import type { ChainFacts } from "../watcher.ts";
import { addressFromSeed, parseAddress } from "./address.ts";

export const SANDBOX_CHAIN = "sandbox";
export const SANDBOX_ASSET = "SBX";
const DECIMALS = 6;

export const sandboxFacts: ChainFacts = {
  chain: SANDBOX_CHAIN,
  assets: [{ symbol: SANDBOX_ASSET, decimals: DECIMALS }],
  defaultConfirmations: 2,
  finalConfirmations: 6,
  recipientOf: parseAddress,
  canonicalAddress: parseAddress,
  paymentUri({ address, decimals, amountAtomic }) {
    return amountAtomic === null
      ? `sandbox:${address}`
      : `sandbox:${address}?amount=${decimalText(amountAtomic, decimals)}`;
  },
  match: null,
  allocator: {
    needsXpub: false,
    derive: (seed, index) => addressFromSeed(seed === null ? `${index}` : `${seed} ${index}`),
    identity: (seed) => seed,
  },
};

/** Atomic units as a decimal number of whole coins, without trailing zeros. */
function decimalText(amountAtomic: bigint, decimals: number): string {
  const digits = amountAtomic.toString().padStart(decimals + 1, "0");
  const whole = digits.slice(0, digits.length - decimals);
  const fraction = digits.slice(digits.length - decimals).replace(/0+$/, "");
  return fraction === "" ? whole : `${whole}.${fraction}`;
}
