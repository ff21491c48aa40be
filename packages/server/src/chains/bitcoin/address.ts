/**
 * Addresses to scripts and back, and payment URIs. The match key of an address is its scriptPubKey in hex: identical on
 * every node, whatever way of writing the address was used. Source: BIP173, BIP350, BIP21.
 */
import { Address, OutScript } from "@scure/btc-signer";
import { messageOf } from "../../kit/errors.ts";
import { decimalAmount } from "../decimal-amount.ts";
import { InvalidAddress } from "../watcher.ts";
import { BITCOIN_NETWORKS, type BitcoinNetwork } from "./network.ts";

/** Lengths in bytes of the scripts that `recipientOf` makes: P2WPKH, P2SH, P2PKH, P2WSH and P2TR. Outputs of any other
 * length cannot be meant for a payment, and the scanner skips them. */
export const SCRIPT_LENGTHS: ReadonlySet<number> = new Set([22, 23, 25, 34]);

/**
 * @returns scriptPubKey, lower-case hex
 * @throws InvalidAddress naming what is wrong and what is allowed
 */
export function recipientOf(network: BitcoinNetwork, address: string): string {
  let script: Uint8Array;
  try {
    script = scriptOf(network, address);
  } catch (error) {
    throw refusal(network, address, messageOf(error));
  }
  if (!SCRIPT_LENGTHS.has(script.length)) {
    throw new InvalidAddress("Addresses of this type cannot receive payments: use P2PKH, P2SH, P2WPKH, P2WSH or P2TR.");
  }
  return Buffer.from(script).toString("hex");
}

/**
 * Bech32 may be written in capitals, which makes smaller QR codes (BIP173); base58 can be written in one way only.
 * @throws InvalidAddress
 */
export function canonicalAddress(network: BitcoinNetwork, address: string): string {
  recipientOf(network, address);
  const isBech32 = address.toLowerCase().startsWith(`${network.coding.bech32}1`);
  return isBech32 ? address.toLowerCase() : address;
}

/** @throws the coder's own error */
function scriptOf(network: BitcoinNetwork, address: string): Uint8Array {
  return OutScript.encode(Address(network.coding).decode(address));
}

function refusal(network: BitcoinNetwork, address: string, reason: string): InvalidAddress {
  const others = Object.values(BITCOIN_NETWORKS)
    .filter((other) => other.name !== network.name)
    .filter((other) => {
      try {
        scriptOf(other, address);
        return true;
      } catch {
        // Not of this network either: that is the question.
        return false;
      }
    })
    .map((other) => other.name);
  if (others.length > 0) {
    return new InvalidAddress(`This is a ${others.join(" or ")} address; ${network.name} is expected here.`);
  }
  return new InvalidAddress(
    `Not a Bitcoin address (${reason}); expected a ${network.name} address of type P2PKH, P2SH, P2WPKH, P2WSH or P2TR.`,
  );
}

/** BIP21. The amount is decimal coins, without exponent and without trailing zeros. */
export function bip21(request: { address: string; decimals: number; amountAtomic: bigint | null }): string {
  const { address, decimals, amountAtomic } = request;
  if (amountAtomic === null) return `bitcoin:${address}`;
  return `bitcoin:${address}?amount=${decimalAmount(amountAtomic, decimals)}`;
}
