/** TRON for `chain-follow`: the simulated node; half TRX, half TRC-20, the same signed transactions in every block. */
import { createHash } from "node:crypto";
import { utils } from "tronweb";
import { openTron } from "../../packages/server/src/chains/tron/open-tron.ts";
import { quietLogger } from "../../packages/server/testkit/quiet-logger.ts";
import { SimulatedTronNode } from "../../packages/server/testkit/tron/start-tron.ts";
import { randomAddress } from "../../packages/server/testkit/tron/wallet.ts";
import type { FollowedChain } from "./followed-chain.ts";

interface Settings {
  url: string;
  genesis: string;
  token: string;
}

export const tron: FollowedChain = {
  blockMs: 3_000,
  address: (index) =>
    utils.address.fromHex(`41${createHash("sha256").update(`tron ${index}`).digest("hex").slice(0, 40)}`),
  fill: async ({ blocks, transactions }, paid, clock) => {
    const node = await SimulatedTronNode.start({ nowMs: () => clock.nowMs() });
    const token = randomAddress();
    const { wallet, chain } = node;
    // Signing takes longer than everything that is measured: strangers' transactions are made once.
    const strangers = Array.from({ length: transactions - 1 }, (_, place) =>
      place % 2 === 0
        ? wallet.transfer(randomAddress(), 1_000n, node.sendOptions())
        : wallet.transferToken(token, randomAddress(), 1_000n, node.sendOptions()),
    );
    const begin = chain.head;
    for (let block = 0; block < blocks; block += 1) {
      const to = paid[block % paid.length] ?? "";
      node.send(block % 2 === 0 ? wallet.transfer(to, 1_000n, node.sendOptions()) : ownToken(to));
      for (const transaction of strangers) chain.accept(transaction);
      chain.mine(1);
    }
    function ownToken(to: string) {
      return wallet.transferToken(token, to, 1_000n, node.sendOptions());
    }
    const settings: Settings = { url: node.url, genesis: node.genesis, token };
    const { blockID, block_header } = begin.answer;
    return {
      settings,
      begin: { height: begin.height, hash: blockID, timeMs: block_header.raw_data.timestamp },
      headHeight: chain.head.height,
      stop: () => node.stop(),
    };
  },
  open: (given, clock) => {
    const { url, genesis, token } = given as Settings;
    return openTron({
      network: "private",
      genesis,
      endpoints: [{ url }],
      tokens: [{ contract: token, symbol: "USDT", decimals: 6 }],
      confirmations: 21,
      finalConfirmations: 27,
      pollIntervalMs: 100,
      maxSilenceMs: 86_400_000,
      clock,
      logger: quietLogger,
    });
  },
};
