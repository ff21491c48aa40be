/** What a payer's wallet puts into a transaction. */
import { concat, encodeFunctionData, erc20Abi, type Hex, pad, toHex } from "viem";
import type { Call } from "./test-chain.ts";

export function tokenTransfer(token: Hex, to: Hex, amountAtomic: bigint): Call {
  return { to: token, data: encodeFunctionData({ abi: erc20Abi, functionName: "transfer", args: [to, amountAtomic] }) };
}

export function tokenTransferFrom(token: Hex, from: Hex, to: Hex, amountAtomic: bigint): Call {
  const args = [from, to, amountAtomic] as const;
  return { to: token, data: encodeFunctionData({ abi: erc20Abi, functionName: "transferFrom", args }) };
}

/** Many transfers in one transaction, see `multisendCode`. */
export function multisend(contract: Hex, token: Hex, payments: readonly { to: Hex; amountAtomic: bigint }[]): Call {
  const pairs = payments.flatMap(({ to, amountAtomic }) => [pad(to), toHex(amountAtomic, { size: 32 })]);
  return { to: contract, data: concat([pad(token), ...pairs]), gas: 200_000n + 60_000n * BigInt(payments.length) };
}
