/**
 * Who has more of a registered coin after a transaction, and who has less: by the balances before and after it, so that
 * what arrived counts, whatever was sent, on whatever way.
 *
 * A token belongs to the owner of a token account, whichever of his accounts it is in. The fee is added back to whoever
 * paid it: paying a fee makes nobody a payer, and a wallet that pays it for its customer has received all the same.
 */
import { exactly } from "./exact-json.ts";
import { SOL, type SolanaToken, TOKEN_PROGRAMS } from "./tokens.ts";
import type { TokenBalance, Transaction } from "./transaction.ts";

export interface Credit {
  owner: string;
  asset: string;
  /** `null`: SOL. */
  mint: string | null;
  amountAtomic: bigint;
  /** Whose balance of this coin went down. */
  payers: readonly string[];
  /** Places of the owner's token accounts of this mint. */
  accounts: readonly number[];
}

export interface Receivers {
  tokens: ReadonlyMap<string, SolanaToken>;
  /** Does anybody know this wallet? */
  knows: (owner: string) => boolean;
}

/** To wallets that somebody knows. @throws Inexact */
export function creditsIn(transaction: Transaction, receivers: Receivers): Credit[] {
  return [...solCredits(transaction, receivers), ...tokenCredits(transaction, receivers)];
}

function solCredits({ keys, meta }: Transaction, { knows }: Receivers): Credit[] {
  const { preBalances, postBalances, fee } = meta;
  const credits: Credit[] = [];
  for (let place = 0; place < keys.length; place += 1) {
    const [before = 0, after = 0] = [preBalances[place], postBalances[place]];
    // Of almost every account this says that nothing came, without a question or a `bigint`.
    const gained = Number(after) - Number(before) + (place === 0 ? Number(fee) : 0);
    const owner = keys[place] as string;
    if ((gained <= 0 && Number.isSafeInteger(before) && Number.isSafeInteger(after)) || !knows(owner)) continue;
    const amountAtomic = changeOfSol(meta, place);
    if (amountAtomic > 0n)
      credits.push({ owner, asset: SOL.symbol, mint: null, amountAtomic, payers: [], accounts: [] });
  }
  if (credits.length === 0) return credits;
  const payers = keys.filter((_, place) => changeOfSol(meta, place) < 0n);
  return credits.map((credit) => ({ ...credit, payers }));
}

function changeOfSol({ preBalances, postBalances, fee }: Transaction["meta"], place: number): bigint {
  const change = exactly(postBalances[place] ?? 0) - exactly(preBalances[place] ?? 0);
  return place === 0 ? change + exactly(fee) : change;
}

function tokenCredits({ meta }: Transaction, { tokens, knows }: Receivers): Credit[] {
  const after = meta.postTokenBalances ?? [];
  if (!after.some(({ mint, owner }) => tokens.has(mint) && owner !== undefined && knows(owner))) return [];
  return [...changesByMint(meta, tokens)].flatMap(([mint, byOwner]) => {
    const { symbol } = tokens.get(mint) as SolanaToken;
    const owners = [...byOwner];
    const payers = owners.flatMap(([owner, { amount }]) => (amount < 0n ? [owner] : []));
    return owners.flatMap(([owner, { amount, accounts }]): Credit[] => {
      if (amount <= 0n || !knows(owner)) return [];
      return [{ owner, asset: symbol, mint, amountAtomic: amount, payers, accounts: [...accounts] }];
    });
  });
}

interface Change {
  amount: bigint;
  accounts: Set<number>;
}

function changesByMint(meta: Transaction["meta"], tokens: Receivers["tokens"]): Map<string, Map<string, Change>> {
  const changes = new Map<string, Map<string, Change>>();
  const add = (balances: readonly TokenBalance[], sign: 1n | -1n) => {
    for (const { accountIndex, mint, owner, programId, uiTokenAmount } of balances) {
      if (owner === undefined || !tokens.has(mint)) continue;
      if (programId !== undefined && !TOKEN_PROGRAMS.has(programId)) continue;
      const byOwner = changes.get(mint) ?? new Map<string, Change>();
      const known = byOwner.get(owner) ?? { amount: 0n, accounts: new Set<number>() };
      known.amount += sign * BigInt(uiTokenAmount.amount);
      known.accounts.add(accountIndex);
      changes.set(mint, byOwner.set(owner, known));
    }
  };
  add(meta.preTokenBalances ?? [], -1n);
  add(meta.postTokenBalances ?? [], 1n);
  return changes;
}
