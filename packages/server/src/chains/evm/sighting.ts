/** Which transfers of a transaction somebody waits for, and what each is called. */
import type { Interest, SightedTransfer } from "../following/block-source.ts";
import { canonicalAddress } from "./address.ts";
import { data, type EvmTransaction, type TransferLog } from "./answers.ts";
import { transferCallIn } from "./erc20.ts";
import type { Token, TokenRegistry } from "./tokens.ts";

/** A transaction moves the native coin at most once by itself. */
const NATIVE_INDEX = "native";

/** `place` counts the transfers of this token to this recipient within the transaction, in the order of its logs: the
 * index of a log is its place in the block, and changes when the transaction moves. */
export function tokenIndex(contract: string, recipient: string, place: number): string {
  return `${contract}:${recipient}:${place}`;
}

export interface Paid {
  txId: string;
  from: string;
  to: string;
  amountAtomic: bigint;
  asset: string;
  index: string;
  spends: readonly string[];
}

/** `null`: nobody waits for it. Nothing, or something from oneself to oneself, is no payment. */
export function sighted(paid: Paid, interest: Interest, failed = false): SightedTransfer | null {
  const { txId, from, to, amountAtomic, asset, index, spends } = paid;
  if (amountAtomic === 0n || from === to || !interest.knows(to)) return null;
  const recipient = interest.keyFor(to, { txId, payers: [canonicalAddress(from)] });
  return recipient === null ? null : { txId, index, asset, amountAtomic, recipient, failed, spends };
}

/** Its own value, to whomever it is addressed. */
export function nativePaid({ txId, from, to, valueAtomic, spend }: EvmTransaction, asset: string): Paid | null {
  if (to === null) return null;
  return { txId, from, to, amountAtomic: valueAtomic, asset, index: NATIVE_INDEX, spends: [spend] };
}

/** What a direct call of a token of the registry asks it to move. Whether it does so only its logs tell. */
export function tokenAsked(transaction: EvmTransaction, tokens: TokenRegistry): (Paid & { contract: string }) | null {
  const { txId, from, to, spend } = transaction;
  const token = to === null ? undefined : tokens.at(to);
  if (!token) return null;
  const call = transferCallIn(from, data(transaction.input, "a transaction: input"));
  if (!call) return null;
  const index = tokenIndex(token.contract, call.to, 0);
  return { txId, ...call, asset: token.symbol, index, spends: [spend], contract: token.contract };
}

export function tokenPaid(log: TransferLog, token: Token, place: number, spends: readonly string[]): Paid {
  const { txId, from, to, amountAtomic } = log;
  return { txId, from, to, amountAtomic, asset: token.symbol, index: tokenIndex(token.contract, to, place), spends };
}

/** Of a transaction that waits for a block. */
export function waitingTransfers(
  transaction: EvmTransaction,
  tokens: TokenRegistry,
  interest: Interest,
): readonly SightedTransfer[] {
  return [nativePaid(transaction, tokens.native.symbol), tokenAsked(transaction, tokens)].flatMap((paid) => {
    const transfer = paid && sighted(paid, interest);
    return transfer ? [transfer] : [];
  });
}
