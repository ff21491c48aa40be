/** Instructions of Solana's own programs, encoded by hand. Source: solana-program/{system,token,token-2022,memo}. */
import {
  AccountRole,
  type Address,
  address,
  getAddressEncoder,
  getProgramDerivedAddress,
  type Instruction,
} from "@solana/kit";

export const SYSTEM = address("11111111111111111111111111111111");
export const TOKEN = address("TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA");
export const TOKEN_2022 = address("TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb");
export const MEMO_V3 = address("MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr");
const ASSOCIATED_TOKEN = address("ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL");

const { READONLY, READONLY_SIGNER, WRITABLE, WRITABLE_SIGNER } = AccountRole;
const key = (account: Address): Uint8Array => new Uint8Array(getAddressEncoder().encode(account));
const meta = (role: AccountRole) => (account: Address) => ({ address: account, role });
const [read, readSigned, write, writeSigned] = [READONLY, READONLY_SIGNER, WRITABLE, WRITABLE_SIGNER].map(meta) as [
  ReturnType<typeof meta>,
  ReturnType<typeof meta>,
  ReturnType<typeof meta>,
  ReturnType<typeof meta>,
];

const u16 = (value: number) => [value & 0xff, value >> 8];
const u32 = (value: number) => [...u16(value & 0xffff), ...u16(value >>> 16)];
const u64 = (value: bigint) =>
  [...Buffer.from(BigInt.asUintN(64, value).toString(16).padStart(16, "0"), "hex")].reverse();

/** `readonlyKeys`: as Solana Pay adds its references. */
export function transferSol(from: Address, to: Address, lamports: bigint, readonlyKeys: Address[] = []): Instruction {
  const accounts = [writeSigned(from), write(to), ...readonlyKeys.map(read)];
  return { programAddress: SYSTEM, accounts, data: Uint8Array.from([...u32(2), ...u64(lamports)]) };
}

function createAccount(payer: Address, account: Address, owner: Address, space: number, lamports: bigint): Instruction {
  const data = Uint8Array.from([...u32(0), ...u64(lamports), ...u64(BigInt(space)), ...key(owner)]);
  return { programAddress: SYSTEM, accounts: [writeSigned(payer), writeSigned(account)], data };
}

export interface MintSpec {
  program: Address;
  decimals: number;
  /** Of what is sent, in hundredths of a percent; only with Token-2022. */
  feeBasisPoints?: number;
}

const MINT_BYTES = 82;
/** Account, its kind, and the extension for the fee. */
const MINT_WITH_FEE_BYTES = 165 + 1 + 4 + 108;
const MAX_U64 = (1n << 64n) - 1n;

export function createMint(
  payer: Address,
  mint: Address,
  { program, decimals, feeBasisPoints }: MintSpec,
  rent: (bytes: number) => bigint,
): Instruction[] {
  const bytes = feeBasisPoints === undefined ? MINT_BYTES : MINT_WITH_FEE_BYTES;
  const fee: Instruction[] =
    feeBasisPoints === undefined
      ? []
      : [
          {
            programAddress: program,
            accounts: [write(mint)],
            data: Uint8Array.from([26, 0, 0, 0, ...u16(feeBasisPoints), ...u64(MAX_U64)]),
          },
        ];
  return [
    createAccount(payer, mint, program, bytes, rent(bytes)),
    ...fee,
    { programAddress: program, accounts: [write(mint)], data: Uint8Array.from([20, decimals, ...key(payer), 0]) },
  ];
}

export async function associatedAccount(owner: Address, mint: Address, program: Address): Promise<Address> {
  const seeds = [owner, program, mint].map((part) => getAddressEncoder().encode(part));
  const [account] = await getProgramDerivedAddress({ programAddress: ASSOCIATED_TOKEN, seeds });
  return account;
}

/** Does nothing where it is there. */
export function openTokenAccount(parts: {
  payer: Address;
  account: Address;
  owner: Address;
  mint: Address;
  program: Address;
}): Instruction {
  const { payer, account, owner, mint, program } = parts;
  const accounts = [writeSigned(payer), write(account), read(owner), read(mint), read(SYSTEM), read(program)];
  return { programAddress: ASSOCIATED_TOKEN, accounts, data: Uint8Array.from([1]) };
}

/** `authority` is the mint's, and pays. */
export function mintTo(parts: {
  program: Address;
  mint: Address;
  account: Address;
  authority: Address;
  amount: bigint;
}): Instruction {
  const { program, mint, account, authority, amount } = parts;
  const accounts = [write(mint), write(account), readSigned(authority)];
  return { programAddress: program, accounts, data: Uint8Array.from([7, ...u64(amount)]) };
}

export interface TokenTransfer {
  program: Address;
  mint: Address;
  decimals: number;
  from: Address;
  to: Address;
  owner: Address;
  amount: bigint;
  readonlyKeys?: Address[];
}

export function transferToken(transfer: TokenTransfer): Instruction {
  const { program, mint, decimals, from, to, owner, amount, readonlyKeys = [] } = transfer;
  const accounts = [write(from), read(mint), write(to), readSigned(owner), ...readonlyKeys.map(read)];
  return { programAddress: program, accounts, data: Uint8Array.from([12, ...u64(amount), decimals]) };
}

export function memo(text: string | Uint8Array, program: Address = MEMO_V3): Instruction {
  return { programAddress: program, accounts: [], data: typeof text === "string" ? Buffer.from(text) : text };
}
