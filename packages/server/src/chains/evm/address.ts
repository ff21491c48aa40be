/** Addresses, transaction ids and payment URIs of EVM networks. Source: EIP-55, EIP-681. */
import { getAddress, isAddress } from "viem/utils";
import { InvalidMatch, type MatchKind } from "../match.ts";
import { InvalidAddress } from "../watcher.ts";

const ADDRESS = /^0x[0-9a-fA-F]{40}$/;

/** With the checksum of EIP-55. Written all in lower case (or all in capitals) it has none, and is taken as it is.
 * @throws InvalidAddress */
export function canonicalAddress(address: string): string {
  if (!ADDRESS.test(address)) {
    throw new InvalidAddress("An address has 0x and 40 hexadecimal digits; names such as ENS are not resolved here.");
  }
  const digits = address.slice(2);
  const withoutChecksum = digits === digits.toLowerCase() || digits === digits.toUpperCase();
  if (!withoutChecksum && !isAddress(address)) {
    throw new InvalidAddress("The capitals of this address do not fit it (checksum of EIP-55): a digit is wrong.");
  }
  return getAddress(address.toLowerCase());
}

/** The match key: the address in lower case, as nodes write it.
 * @throws InvalidAddress */
export function recipientOf(address: string): string {
  return canonicalAddress(address).toLowerCase();
}

/** @throws InvalidMatch */
export function canonicalMatch(kind: MatchKind, value: string): string {
  if (kind === "txId") {
    if (/^0x[0-9a-f]{64}$/i.test(value)) return value.toLowerCase();
    throw new InvalidMatch("A transaction hash has 0x and 64 hexadecimal digits.");
  }
  try {
    return canonicalAddress(value);
  } catch (error) {
    if (error instanceof InvalidAddress) throw new InvalidMatch(`The payer: ${error.message}`);
    throw error;
  }
}

export interface Eip681Request {
  address: string;
  chainId: number;
  /** `null`: the native coin. */
  contract: string | null;
  amountAtomic: bigint | null;
}

/** EIP-681, amounts in atomic units. */
export function eip681({ address, chainId, contract, amountAtomic }: Eip681Request): string {
  if (contract === null) {
    return `ethereum:${address}@${chainId}${amountAtomic === null ? "" : `?value=${amountAtomic}`}`;
  }
  const amount = amountAtomic === null ? "" : `&uint256=${amountAtomic}`;
  return `ethereum:${canonicalAddress(contract)}@${chainId}/transfer?address=${address}${amount}`;
}
