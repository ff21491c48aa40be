/**
 * The real virtual machine (litesvm): transactions that were built and signed as a wallet does it, executed, and then
 * told as a node tells them (`getBlock`, encoding `json`): with the balances before and after.
 */
import {
  type Address,
  type AddressesByLookupTableAddress,
  address,
  addSignersToInstruction,
  appendTransactionMessageInstructions,
  compressTransactionMessageUsingAddressLookupTables,
  createTransactionMessage,
  generateKeyPairSigner,
  getAddressDecoder,
  getAddressEncoder,
  getCompiledTransactionMessageDecoder,
  getSignatureFromTransaction,
  type Instruction,
  type KeyPairSigner,
  lamports,
  pipe,
  setTransactionMessageComputeUnitLimit,
  setTransactionMessageFeePayerSigner,
  setTransactionMessageLifetimeUsingBlockhash,
  setTransactionMessageLoadedAccountsDataSizeLimit,
  signTransactionMessageWithSigners,
  type Transaction,
} from "@solana/kit";
import { FailedTransactionMetadata, LiteSVM } from "litesvm";
import { textOf } from "../../src/chains/solana/base58.ts";
import type { RawTransaction, TokenBalance } from "../../src/chains/solana/transaction.ts";
import { SYSTEM, TOKEN, TOKEN_2022 } from "./instructions.ts";

export type ToldTransaction = RawTransaction & { version: "legacy" | 0 | 1 };

export interface SendOptions {
  /** Beside the fee payer. */
  signers?: KeyPairSigner[];
  feePayer?: KeyPairSigner;
  version?: "legacy" | 0 | 1;
  /** Accounts of these tables are named by their place in it. */
  tables?: AddressesByLookupTableAddress;
}

const PAYER_LAMPORTS = 1_000_000_000_000_000n;
const COMPUTE_UNITS = 200_000;
const LOADED_BYTES = 1_000_000;
const TOKEN_ACCOUNT_BYTES = 165;
/** Behind an account with extensions: which kind it is. */
const KIND_ACCOUNT = 2;
const LOOKUP_TABLES = address("AddressLookupTab1e1111111111111111111111111");

export class Svm {
  readonly payer: KeyPairSigner;
  readonly #svm = new LiteSVM().withTransactionHistory(0n);

  static async start(): Promise<Svm> {
    return new Svm(await generateKeyPairSigner());
  }

  private constructor(payer: KeyPairSigner) {
    this.payer = payer;
    this.fund(payer.address, PAYER_LAMPORTS);
  }

  /** From nowhere: an account that exists already, so that it takes less than the rent of a new one. */
  fund(account: Address, amount: bigint): void {
    const before = this.#lamportsOf(account);
    this.#svm.setAccount({
      address: account,
      data: new Uint8Array(),
      executable: false,
      lamports: lamports(before + amount),
      programAddress: SYSTEM,
      space: 0n,
    });
  }

  /** From nowhere: a look-up table with these accounts. Source: agave, `AddressLookupTable` (header of 56 bytes). */
  async lookupTable(accounts: readonly Address[]): Promise<Address> {
    const { address: table } = await generateKeyPairSigner();
    const header = Buffer.alloc(56);
    header.writeUInt32LE(1, 0);
    header.writeBigUInt64LE((1n << 64n) - 1n, 4);
    const data = Buffer.concat([
      header,
      ...accounts.map((account) => Buffer.from(getAddressEncoder().encode(account))),
    ]);
    this.#svm.setAccount({
      address: table,
      data: new Uint8Array(data),
      executable: false,
      lamports: lamports(this.rent(data.length)),
      programAddress: LOOKUP_TABLES,
      space: BigInt(data.length),
    });
    return table;
  }

  rent(bytes: number): bigint {
    return this.#svm.minimumBalanceForRentExemption(BigInt(bytes));
  }

  decimalsOf(mint: string): number | null {
    const found = this.#svm.getAccount(address(mint));
    const isMint = found.exists && (found.programAddress === TOKEN || found.programAddress === TOKEN_2022);
    return isMint ? (found.data[44] ?? null) : null;
  }

  /** The block's hash, and from now on another one. */
  nextHash(slot: number, timeSeconds: number): string {
    const hash = this.#svm.latestBlockhash();
    this.#svm.expireBlockhash();
    const clock = this.#svm.getClock();
    clock.slot = BigInt(slot);
    clock.unixTimestamp = BigInt(timeSeconds);
    this.#svm.setClock(clock);
    return hash;
  }

  /** Executes it now. A failure is one of the program's: its fee is paid. @throws Error when it cannot be executed */
  async execute(instructions: readonly Instruction[], options: SendOptions = {}): Promise<ToldTransaction> {
    const { signers = [], feePayer = this.payer, version = "legacy", tables = {} } = options;
    const message = pipe(
      createTransactionMessage({ version: version as 0 }),
      (empty) => setTransactionMessageFeePayerSigner(feePayer, empty),
      (paid) =>
        setTransactionMessageLifetimeUsingBlockhash(
          { blockhash: this.#svm.latestBlockhash(), lastValidBlockHeight: 0n },
          paid,
        ),
      (lasting) =>
        appendTransactionMessageInstructions(
          instructions.map((one) => addSignersToInstruction([feePayer, this.payer, ...signers], one)),
          lasting,
        ),
      (full) => (version === 1 ? withLimits(full) : full),
      (full) => (version === 0 ? compressTransactionMessageUsingAddressLookupTables(full, tables) : full),
    );
    const signed = await signTransactionMessageWithSigners(message as typeof message);
    const told = this.#tell(signed, version, tables);
    // The same once more is another transaction, not a repetition.
    this.#svm.expireBlockhash();
    return told;
  }

  #tell(
    signed: Transaction,
    version: ToldTransaction["version"],
    tables: AddressesByLookupTableAddress,
  ): ToldTransaction {
    const compiled = compiledOf(signed);
    const loaded = loadedBy(compiled, tables);
    const keys = [...compiled.staticAccounts, ...loaded.writable, ...loaded.readonly];
    const [preBalances, preTokenBalances] = [keys.map((one) => this.#lamportsOf(one)), this.#tokenBalances(keys)];
    const result = this.#svm.sendTransaction(signed);
    const failed = result instanceof FailedTransactionMetadata;
    const done = failed ? result.meta() : result;
    const [postBalances, postTokenBalances] = [keys.map((one) => this.#lamportsOf(one)), this.#tokenBalances(keys)];
    const fee = sum(preBalances) - sum(postBalances);
    if (fee <= 0n) throw new Error(`The transaction was not taken: ${result.toString()} ${done.prettyLogs()}`);
    return {
      version,
      transaction: {
        signatures: Object.values(signed.signatures).map((one, place) =>
          place === 0 ? getSignatureFromTransaction(signed) : textOf(new Uint8Array(one ?? [])),
        ),
        message: {
          accountKeys: compiled.staticAccounts,
          header: {
            numRequiredSignatures: compiled.header.numSignerAccounts,
            numReadonlySignedAccounts: compiled.header.numReadonlySignerAccounts,
            numReadonlyUnsignedAccounts: compiled.header.numReadonlyNonSignerAccounts,
          },
          instructions: compiled.instructions,
        },
      },
      meta: {
        err: failed ? { InstructionError: result.err().toString() } : null,
        fee,
        preBalances,
        postBalances,
        preTokenBalances,
        postTokenBalances,
        innerInstructions: done.innerInstructions().flatMap((inner, index) =>
          inner.length === 0
            ? []
            : [
                {
                  index,
                  instructions: inner.map((one) => ({
                    programIdIndex: one.instruction().programIdIndex(),
                    accounts: [...one.instruction().accounts()],
                    data: textOf(one.instruction().data()),
                  })),
                },
              ],
        ),
        logMessages: done.logs(),
        loadedAddresses: loaded,
      },
    };
  }

  #lamportsOf(account: string): bigint {
    return this.#svm.getBalance(address(account)) ?? 0n;
  }

  #tokenBalances(keys: readonly string[]): TokenBalance[] {
    return keys.flatMap((key, accountIndex) => {
      const found = this.#svm.getAccount(address(key));
      if (!found.exists || (found.programAddress !== TOKEN && found.programAddress !== TOKEN_2022)) return [];
      const data = Buffer.from(found.data);
      const isAccount = data.length === TOKEN_ACCOUNT_BYTES || data[TOKEN_ACCOUNT_BYTES] === KIND_ACCOUNT;
      if (!isAccount) return [];
      const [mint, owner] = [0, 32].map((at) => getAddressDecoder().decode(data, at)) as [Address, Address];
      const uiTokenAmount = { amount: data.readBigUInt64LE(64).toString(), decimals: this.decimalsOf(mint) };
      return [{ accountIndex, mint, owner, programId: found.programAddress as string, uiTokenAmount }];
    });
  }
}

/** A transaction of version 1 has none by itself. */
function withLimits<T extends Parameters<typeof setTransactionMessageComputeUnitLimit>[1]>(message: T): T {
  return setTransactionMessageLoadedAccountsDataSizeLimit(
    LOADED_BYTES,
    setTransactionMessageComputeUnitLimit(COMPUTE_UNITS, message),
  );
}

interface Compiled {
  staticAccounts: readonly Address[];
  header: { numSignerAccounts: number; numReadonlySignerAccounts: number; numReadonlyNonSignerAccounts: number };
  instructions: readonly { programIdIndex: number; accounts: readonly number[]; data: string }[];
  lookups: readonly { table: Address; writable: readonly number[]; readonly: readonly number[] }[];
}

function compiledOf({ messageBytes }: Transaction): Compiled {
  const compiled = getCompiledTransactionMessageDecoder().decode(messageBytes);
  const instructions =
    compiled.version === 1
      ? compiled.instructionHeaders.map(({ programAccountIndex }, place) => {
          const { instructionAccountIndices, instructionData } = compiled.instructionPayloads[place] as {
            instructionAccountIndices: number[];
            instructionData: Uint8Array;
          };
          return called(programAccountIndex, instructionAccountIndices, instructionData);
        })
      : compiled.instructions.map(({ programAddressIndex, accountIndices = [], data }) =>
          called(programAddressIndex, accountIndices, data),
        );
  const lookups = compiled.version === 0 ? (compiled.addressTableLookups ?? []) : [];
  return {
    staticAccounts: compiled.staticAccounts,
    header: compiled.header,
    instructions,
    lookups: lookups.map(({ lookupTableAddress, writableIndexes, readonlyIndexes }) => ({
      table: lookupTableAddress,
      writable: writableIndexes,
      readonly: readonlyIndexes,
    })),
  };
}

function called(programIdIndex: number, accounts: readonly number[], data: ArrayLike<number> = []) {
  return { programIdIndex, accounts, data: textOf(Uint8Array.from(data)) };
}

function loadedBy({ lookups }: Compiled, tables: AddressesByLookupTableAddress) {
  const named = (which: "writable" | "readonly") =>
    lookups.flatMap((lookup) => lookup[which].map((place) => tables[lookup.table]?.[place] as string));
  return { writable: named("writable"), readonly: named("readonly") };
}

const sum = (values: readonly bigint[]): bigint => values.reduce((total, value) => total + value, 0n);
