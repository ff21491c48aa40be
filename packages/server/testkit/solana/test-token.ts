/** A token on the test node's machine: made, minted and sent with the real token programs. */
import { type Address, generateKeyPairSigner, type Instruction } from "@solana/kit";
import type { SolanaToken } from "../../src/chains/solana/tokens.ts";
import {
  associatedAccount,
  createMint,
  type MintSpec,
  mintTo,
  openTokenAccount,
  TOKEN,
  transferToken,
} from "./instructions.ts";
import type { Ledger } from "./ledger.ts";

const SUPPLY = 1_000_000_000_000n;

export class TestToken {
  readonly token: SolanaToken;
  readonly mint: Address;
  readonly program: Address;
  /** Of the ledger's payer, who has the whole supply. */
  readonly #treasury: Address;
  readonly #payer: Address;

  /** Everything is in the next block. */
  static async create(ledger: Ledger, symbol: string, spec: Partial<MintSpec> = {}): Promise<TestToken> {
    const { program = TOKEN, decimals = 6 } = spec;
    const { svm } = ledger;
    const payer = svm.payer.address;
    const signer = await generateKeyPairSigner();
    const mint = signer.address;
    const treasury = await associatedAccount(payer, mint, program);
    await ledger.send(
      [
        ...createMint(payer, mint, { ...spec, program, decimals }, (bytes) => svm.rent(bytes)),
        openTokenAccount({ payer, account: treasury, owner: payer, mint, program }),
        mintTo({ program, mint, account: treasury, authority: payer, amount: SUPPLY }),
      ],
      { signers: [signer] },
    );
    return new TestToken({ mint, symbol, decimals }, { mint, program, treasury, payer });
  }

  private constructor(
    token: SolanaToken,
    { mint, program, treasury, payer }: { mint: Address; program: Address; treasury: Address; payer: Address },
  ) {
    this.token = token;
    this.mint = mint;
    this.program = program;
    this.#treasury = treasury;
    this.#payer = payer;
  }

  accountOf(owner: Address): Promise<Address> {
    return associatedAccount(owner, this.mint, this.program);
  }

  /** The recipient's token account is opened where there is none, as wallets do it. */
  async paying(owner: Address, amount: bigint, readonlyKeys: Address[] = []): Promise<Instruction[]> {
    const { mint, program, token } = this;
    const [payer, from, to] = [this.#payer, this.#treasury, await this.accountOf(owner)];
    return [
      openTokenAccount({ payer, account: to, owner, mint, program }),
      transferToken({ program, mint, decimals: token.decimals, from, to, owner: payer, amount, readonlyKeys }),
    ];
  }
}
