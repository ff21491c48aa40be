/**
 * The simulated chain by hand, as the sandbox calls of the HTTP API need it: each call resolves after the watcher has
 * reported what it did and the consequences are durable.
 */
import { PaybellError } from "../../kit/errors.ts";
import type { Payment } from "../../payments/payment.ts";
import type { SandboxChain } from "./chain.ts";
import { SANDBOX_CHAIN } from "./facts.ts";
import type { SandboxWatcher } from "./sandbox-watcher.ts";

export class SandboxChainControls {
  readonly #chain: SandboxChain;
  readonly #watcher: SandboxWatcher;

  constructor(chain: SandboxChain, watcher: SandboxWatcher) {
    this.#chain = chain;
    this.#watcher = watcher;
  }

  /** @throws PaybellError invalid_request when the payment is not on the simulated chain, overloaded */
  async pay(request: { payment: Payment; amountAtomic: bigint }): Promise<{ txId: string }> {
    const { payment, amountAtomic } = request;
    if (payment.chain !== SANDBOX_CHAIN || payment.recipient === null) {
      throw new PaybellError("invalid_request", `Only payments on the chain "${SANDBOX_CHAIN}" can be paid here.`, {
        field: "paymentId",
        chain: payment.chain,
      });
    }
    const txId = await this.#chain.pay({ recipient: payment.recipient, asset: payment.asset, amountAtomic });
    await this.#watcher.settled();
    return { txId };
  }

  /** One block after the other, so that every step is seen, as on a real chain. */
  async mine(blocks: number): Promise<{ height: number }> {
    let height = 0;
    for (let mined = 0; mined < blocks; mined += 1) {
      height = await this.#chain.mine(1);
      await this.#watcher.settled();
    }
    return { height };
  }

  async reorg(depth: number): Promise<{ height: number }> {
    const height = await this.#chain.reorg(depth);
    await this.#watcher.settled();
    return { height };
  }

  async doubleSpend(txId: string): Promise<{ txId: string }> {
    const rival = await this.#chain.doubleSpend(txId);
    await this.#watcher.settled();
    return { txId: rival };
  }
}
