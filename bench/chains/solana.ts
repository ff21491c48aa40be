/**
 * Solana for `chain-follow`: real transactions (litesvm), half of them SOL and half a listed token to strangers, told
 * again in every block: the machine's memory would not hold an hour of different ones. Two kilobytes each; on the public
 * network votes are smaller and swaps larger.
 */
import { type Address, address, getAddressDecoder } from "@solana/kit";
import { openSolana } from "../../packages/server/src/chains/solana/open-solana.ts";
import type { SolanaToken } from "../../packages/server/src/chains/solana/tokens.ts";
import { quietLogger } from "../../packages/server/testkit/quiet-logger.ts";
import { transferSol } from "../../packages/server/testkit/solana/instructions.ts";
import { TestSolanaNode } from "../../packages/server/testkit/solana/solana-node.ts";
import type { ToldTransaction } from "../../packages/server/testkit/solana/svm.ts";
import { TestToken } from "../../packages/server/testkit/solana/test-token.ts";
import type { FollowedChain } from "./followed-chain.ts";

interface Settings {
  url: string;
  genesisHash: string;
  token: SolanaToken;
}

const DIFFERENT = 100;
const LAMPORTS = 1_000_000n;

/** Keys of nobody: a name, filled up to 32 bytes. */
const keyOf = (name: string): Address => getAddressDecoder().decode(Buffer.from(name.padEnd(32, ".")));

export const solana: FollowedChain = {
  blockMs: 400,
  address: (index) => keyOf(`watched ${index}`),
  fill: async ({ blocks, transactions }, paid, clock) => {
    const node = await TestSolanaNode.start(() => clock.nowMs());
    const { ledger } = node;
    const usdc = await TestToken.create(ledger, "USDC");
    ledger.mine(1);
    const { slot, hash, timeSeconds } = ledger.head;
    const payer = ledger.svm.payer.address;
    const strangers: ToldTransaction[] = [];
    for (let count = 0; count < Math.min(DIFFERENT, transactions - 1); count += 1) {
      const to = keyOf(`stranger ${count}`);
      const paying = count % 2 === 0 ? [transferSol(payer, to, LAMPORTS)] : await usdc.paying(to, 1n);
      strangers.push(await ledger.svm.execute(paying));
    }
    const crowd = Array.from({ length: transactions - 1 }, (_, place) => strangers[place % strangers.length]);
    for (let block = 0; block < blocks; block += 1) {
      await ledger.send([transferSol(payer, address(paid[block % paid.length] ?? payer), LAMPORTS)]);
      ledger.tell(crowd.filter((one) => one !== undefined));
      ledger.mine(1);
    }
    const settings: Settings = { url: node.server.url, genesisHash: ledger.genesisHash, token: usdc.token };
    const begin = { height: slot, hash, timeMs: timeSeconds * 1_000 };
    return { settings, begin, headHeight: ledger.head.slot, stop: () => node.server.close() };
  },
  open: (given, clock) => {
    const { url, genesisHash, token } = given as Settings;
    return openSolana({
      network: "private",
      genesisHash,
      endpoints: [{ url, wsUrl: null, headers: {} }],
      tokens: [token],
      tributary: null,
      confirmations: 1,
      finalConfirmations: 1,
      pollIntervalMs: 100,
      maxSilenceMs: 86_400_000,
      clock,
      logger: quietLogger,
    });
  },
};
