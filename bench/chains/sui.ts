/** Sui for `chain-follow`: the simulated node, read by the genuine client; three balance changes to a transaction. */
import { openSui } from "../../packages/server/src/chains/sui/open-sui.ts";
import { quietLogger } from "../../packages/server/testkit/quiet-logger.ts";
import { SUI_TYPE } from "../../packages/server/testkit/sui/ledger.ts";
import { SimulatedSuiNode } from "../../packages/server/testkit/sui/simulated-node.ts";
import { suiAddress } from "../../packages/server/testkit/sui-harness.ts";
import type { FollowedChain } from "./followed-chain.ts";

interface Settings {
  url: string;
  chainId: string;
}

export const sui: FollowedChain = {
  blockMs: 250,
  address: (index) => suiAddress(`sui ${index}`),
  fill: async ({ blocks, transactions }, paid, clock) => {
    const node = await SimulatedSuiNode.start({ nowMs: () => clock.nowMs() });
    const { ledger } = node;
    const begin = { height: ledger.height, hash: ledger.chainId, timeMs: clock.nowMs() };
    for (let block = 0; block < blocks; block += 1) {
      for (let place = 0; place < transactions; place += 1) {
        const to = place === 0 ? (paid[block % paid.length] ?? "") : suiAddress(`stranger ${block} ${place}`);
        const sender = suiAddress(`sender ${place}`);
        const changes = [
          { address: to, coinType: SUI_TYPE, amount: 1_000n },
          { address: sender, coinType: SUI_TYPE, amount: -2_000n },
          { address: suiAddress(`change ${place}`), coinType: SUI_TYPE, amount: 500n },
        ];
        ledger.execute({ changes });
      }
      ledger.certify(1);
    }
    const settings: Settings = { url: node.url, chainId: ledger.chainId };
    return { settings, begin, headHeight: ledger.height, stop: () => node.stop() };
  },
  open: (given, clock) => {
    const { url, chainId } = given as Settings;
    return openSui({
      network: "localnet",
      chainId,
      endpoints: [{ url }],
      coins: [],
      settlementPackages: null,
      confirmations: 1,
      finalConfirmations: 1,
      pollIntervalMs: 100,
      maxSilenceMs: 86_400_000,
      clock,
      logger: quietLogger,
    });
  },
};
