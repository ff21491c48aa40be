/**
 * Payment records of the Tributary program: an Anchor event in its log for each payment that it makes, with the memo of
 * the policy, which is the tracking id.
 * Source: tributary-so/tributary, `programs/tributary/src/state/events.rs` (`PaymentRecord`) and its older version
 * without payer, recipient and mint.
 */
import { textOf } from "./base58.ts";
import type { Credit } from "./credits.ts";
import { textIn } from "./memos.ts";
import { dataOfProgram } from "./program-data.ts";
import type { Transaction } from "./transaction.ts";

const DISCRIMINATOR = Buffer.from([42, 100, 253, 124, 170, 186, 231, 186]);
const KEY = 32;
const AT = { gateway: KEY, amount: 2 * KEY, memo: 2 * KEY + 16, recipient: 148 + KEY, mint: 148 + 2 * KEY } as const;
const MEMO_BYTES = 64;
const SHORT_BYTES = 148;
const LONG_BYTES = 244;

export interface TributaryRecord {
  gateway: string;
  /** What the policy says; fees may come off it. */
  amountAtomic: bigint;
  /** `null`: the memo is empty or no text. */
  trackingId: string | null;
  /** The wallet; `null`: an older program does not say. */
  recipient: string | null;
  mint: string | null;
  /** Places of the accounts that its instruction may touch. */
  accounts: readonly number[];
}

/** In the order of the log. */
export function recordsIn(transaction: Transaction, program: string): TributaryRecord[] {
  if (!transaction.keys.includes(program)) return [];
  return dataOfProgram(transaction, program).flatMap(({ bytes, accounts }) => {
    const record = recordOf(Buffer.from(bytes));
    return record ? [{ ...record, accounts }] : [];
  });
}

function recordOf(bytes: Buffer): Omit<TributaryRecord, "accounts"> | null {
  const body = bytes.subarray(DISCRIMINATOR.length);
  if (!bytes.subarray(0, DISCRIMINATOR.length).equals(DISCRIMINATOR)) return null;
  if (body.length !== SHORT_BYTES && body.length !== LONG_BYTES) return null;
  const key = (at: number) => textOf(body.subarray(at, at + KEY));
  const isLong = body.length === LONG_BYTES;
  return {
    gateway: key(AT.gateway),
    amountAtomic: body.readBigUInt64LE(AT.amount),
    trackingId: trackingIdIn(body.subarray(AT.memo, AT.memo + MEMO_BYTES)),
    recipient: isLong ? key(AT.recipient) : null,
    mint: isLong ? key(AT.mint) : null,
  };
}

/** Padded with zeros behind. */
function trackingIdIn(memo: Buffer): string | null {
  const end = memo.indexOf(0);
  const text = end === -1 ? memo : memo.subarray(0, end);
  return memo.subarray(text.length).some((byte) => byte !== 0) ? null : textIn(text);
}

/** Is this credit what the record tells of? */
export function tellsOf(record: TributaryRecord, { owner, mint, accounts }: Credit): boolean {
  if (mint === null || (record.mint !== null && record.mint !== mint)) return false;
  if (record.recipient !== null && record.recipient !== owner) return false;
  return accounts.some((place) => record.accounts.includes(place));
}

/**
 * What arrived, parted among the records that tell of it: each its amount where there is enough, else in proportion, and
 * never more together than arrived. The second is what no record accounts for.
 */
export function partsOf(
  arrived: bigint,
  records: readonly Pick<TributaryRecord, "amountAtomic">[],
): { parts: bigint[]; rest: bigint } {
  const said = records.reduce((sum, { amountAtomic }) => sum + amountAtomic, 0n);
  if (said <= arrived) return { parts: records.map(({ amountAtomic }) => amountAtomic), rest: arrived - said };
  let left = arrived;
  let leftSaid = said;
  const parts = records.map(({ amountAtomic }) => {
    const part = leftSaid === 0n ? 0n : (left * amountAtomic) / leftSaid;
    left -= part;
    leftSaid -= amountAtomic;
    return part;
  });
  return { parts, rest: 0n };
}
