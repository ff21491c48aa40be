/**
 * Synthetic: Tributary's program cannot be had for tests, so its call and its record are put into the told form of a real
 * transaction, as a node would tell them.
 */
import { address, getAddressEncoder } from "@solana/kit";
import type { ToldTransaction } from "./svm.ts";

export const TRIBUTARY = "TRibg8W8zmPHQqWtyAD1rEBRXEdyU13Mu6qX1Sg42tJ";
const DISCRIMINATOR = [42, 100, 253, 124, 170, 186, 231, 186];
const SYSTEM = "11111111111111111111111111111111";

export interface RecordSpec {
  gateway: string;
  amount: bigint;
  /** Padded with zeros to 64 bytes. */
  memo: string | Uint8Array;
  /** Given: the newer form of 244 bytes. */
  recipient?: string;
  mint?: string;
}

const key = (account: string): Buffer => Buffer.from(getAddressEncoder().encode(address(account)));

/** The event as the program logs it. */
export function recordLine({ gateway, amount, memo, recipient, mint }: RecordSpec): string {
  const numbers = Buffer.alloc(16);
  numbers.writeBigUInt64LE(amount);
  numbers.writeBigInt64LE(1_700_000_000n, 8);
  const padded = Buffer.alloc(64);
  padded.set(typeof memo === "string" ? Buffer.from(memo) : memo);
  const id = Buffer.from([1, 0, 0, 0]);
  const newer = recipient === undefined ? [] : [key(SYSTEM), key(recipient), key(mint ?? SYSTEM)];
  const event = Buffer.concat([Buffer.from(DISCRIMINATOR), key(SYSTEM), key(gateway), numbers, padded, id, ...newer]);
  return `Program data: ${event.toString("base64")}`;
}

/** A call of this program with these lines in its log. */
export function callLog(lines: readonly string[], program = TRIBUTARY, depth = 1): string[] {
  return [`Program ${program} invoke [${depth}]`, ...lines, `Program ${program} success`];
}

/**
 * Puts a call into it, by default one of Tributary's program with all token accounts of the transaction.
 * @param log what the call logs, from its `invoke` to its `success`
 * @param call.program whose call it is; Tributary's is then one that it makes
 */
export function withCall(
  log: readonly string[],
  call: { accounts?: readonly number[]; program?: string } = {},
): (told: ToldTransaction) => ToldTransaction {
  return (told) => {
    const { message } = told.transaction;
    const meta = told.meta as NonNullable<ToldTransaction["meta"]>;
    const added = call.program === undefined ? [TRIBUTARY] : [call.program, TRIBUTARY];
    const accounts = call.accounts ?? (meta.postTokenBalances ?? []).map(({ accountIndex }) => accountIndex);
    const balances = added.map(() => 1);
    const numReadonlyUnsignedAccounts = message.header.numReadonlyUnsignedAccounts + added.length;
    return {
      ...told,
      transaction: {
        ...told.transaction,
        message: {
          header: { ...message.header, numReadonlyUnsignedAccounts },
          accountKeys: [...message.accountKeys, ...added],
          instructions: [...message.instructions, { programIdIndex: message.accountKeys.length, accounts, data: "" }],
        },
      },
      meta: {
        ...meta,
        logMessages: [...(meta.logMessages ?? []), ...log],
        preBalances: [...meta.preBalances, ...balances],
        postBalances: [...meta.postBalances, ...balances],
      },
    };
  };
}

/** The call and its record. */
export function withRecord(...records: readonly RecordSpec[]): (told: ToldTransaction) => ToldTransaction {
  return withCall(callLog(records.map(recordLine)));
}
