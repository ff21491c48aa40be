/** Ethereum for `chain-follow`: the real anvil; native payments, and tokens moved by a contract call each. */
import { createHash } from "node:crypto";
import { type Hex, toHex } from "viem";
import { canonicalAddress } from "../../packages/server/src/chains/evm/address.ts";
import { openEvm } from "../../packages/server/src/chains/evm/open-evm.ts";
import { tokenTransfer } from "../../packages/server/testkit/anvil/calls.ts";
import { TestChain } from "../../packages/server/testkit/anvil/test-chain.ts";
import { quietLogger } from "../../packages/server/testkit/quiet-logger.ts";
import type { FollowedChain } from "./followed-chain.ts";

interface Settings {
  url: string;
  token: Hex;
  chainId: number;
}

/** Half of the transactions move a token of the registry, as on a busy network. */
const TOKEN_SHARE = 2;
const SENT_AT_ONCE = 500;
const GAS = toHex(100_000n);

export const evm: FollowedChain = {
  blockMs: 12_000,
  address: (index) => canonicalAddress(`0x${createHash("sha256").update(`evm ${index}`).digest("hex").slice(0, 40)}`),
  fill: async ({ blocks, transactions }, paid, clock) => {
    const chain = await TestChain.start(clock);
    const token = await chain.deployToken();
    const sender = chain.newAddress();
    await chain.anvil.rpc("anvil_setBalance", sender, toHex(10n ** 24n));
    await chain.setTokenBalance(token, sender, 10n ** 30n);
    await chain.anvil.rpc("anvil_impersonateAccount", sender);
    const { hash, timestamp } = await chain.anvil.rpc<{ hash: Hex; timestamp: Hex }>(
      "eth_getBlockByNumber",
      "latest",
      false,
    );
    const begin = { height: await chain.height(), hash, timeMs: Number(timestamp) * 1_000 };
    let nonce = 0;
    for (let block = 0; block < blocks; block += 1) {
      const calls = Array.from({ length: transactions }, (_, place) => {
        const to = (place === 0 ? paid[block % paid.length] : chain.newAddress()) as Hex;
        const call = place % TOKEN_SHARE === 0 ? tokenTransfer(token, to, 1_000n) : { to, value: 1_000n };
        const value = toHex(call.value ?? 0n);
        const data = call.data ? { data: call.data } : {};
        return { from: sender, to: call.to, value, gas: GAS, nonce: toHex(nonce++), ...data };
      });
      for (let from = 0; from < calls.length; from += SENT_AT_ONCE) {
        await chain.anvil.rpcBatch(
          calls.slice(from, from + SENT_AT_ONCE).map((call) => ({ method: "eth_sendTransaction", params: [call] })),
        );
      }
      await chain.mine(1);
    }
    const settings: Settings = { url: chain.anvil.url, token, chainId: chain.chainId };
    return { settings, begin, headHeight: await chain.height(), stop: () => chain.stop() };
  },
  open: (given, clock) => {
    const { url, token, chainId } = given as Settings;
    return openEvm({
      chain: "evm",
      chainId,
      native: { symbol: "ETH", decimals: 18 },
      tokens: [{ contract: token, symbol: "USDT", decimals: 6, balanceCheck: true }],
      endpoints: [{ url, wsUrl: null, headers: {} }],
      finality: "confirmations",
      confirmations: 2,
      finalConfirmations: 12,
      mempool: false,
      batchSize: 20,
      pollIntervalMs: 100,
      maxSilenceMs: 86_400_000,
      clock,
      logger: quietLogger,
    });
  },
};
