/**
 * The simulated chain by hand, as the sandbox calls of the HTTP API need it: each call resolves after the watcher, on
 * whichever node, has reported what it did and the consequences are durable.
 */
import { PaybellError } from "../../kit/errors.ts";
import type { Payment } from "../../payments/payment.ts";
import type { SandboxChain } from "./chain.ts";
import { SANDBOX_CHAIN } from "./facts.ts";
import { Settling } from "./settling.ts";

export interface SandboxControlsOptions {
  chain: SandboxChain;
  /** The cursor of the last report that was stored, whoever made it. */
  cursor: () => Promise<unknown>;
  /** How long a call waits for its effects, milliseconds. Default 30,000: longer than it takes another node to watch in the
   * place of one that died. */
  patienceMs?: number;
}

export class SandboxChainControls {
  readonly #chain: SandboxChain;
  readonly #settling: Settling;

  constructor({ patienceMs = 30_000, ...options }: SandboxControlsOptions) {
    this.#chain = options.chain;
    this.#settling = new Settling({ ...options, patienceMs });
  }

  /** @param request.once see `PaymentOptions.once`
   * @throws PaybellError invalid_request when the payment is not on the simulated chain, overloaded */
  async pay(request: { payment: Payment; amountAtomic: bigint; once?: string }): Promise<{ txId: string }> {
    const { payment, amountAtomic, once } = request;
    if (payment.chain !== SANDBOX_CHAIN || payment.recipient === null) {
      throw new PaybellError("invalid_request", `Only payments on the chain "${SANDBOX_CHAIN}" can be paid here.`, {
        field: "paymentId",
        chain: payment.chain,
      });
    }
    const output = { recipient: payment.recipient, asset: payment.asset, amountAtomic };
    // Nobody pays what does not exist yet: the clock of the node that created it may be ahead of this one's.
    const notBeforeMs = payment.createdAtMs;
    const txId = await this.#chain.pay(output, { notBeforeMs, ...(once === undefined ? {} : { once }) });
    await this.#settling.settled();
    return { txId };
  }

  /** One block after the other, so that every step is seen, as on a real chain. */
  async mine(blocks: number): Promise<{ height: number }> {
    let height = 0;
    for (let mined = 0; mined < blocks; mined += 1) {
      height = await this.#chain.mine(1);
      await this.#settling.settled();
    }
    return { height };
  }

  async reorg(depth: number): Promise<{ height: number }> {
    const height = await this.#chain.reorg(depth);
    await this.#settling.settled();
    return { height };
  }

  async doubleSpend(txId: string): Promise<{ txId: string }> {
    const rival = await this.#chain.doubleSpend(txId);
    await this.#settling.settled();
    return { txId: rival };
  }
}
