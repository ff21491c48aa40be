/**
 * `POST /api/test/settle`: the sandbox pays what is missing and mines until the payment is settled. Without a key, as
 * in the document; only in the sandbox. The blocks that it mines confirm everybody's transfers.
 */
import { Type } from "typebox";
import type { Api } from "../../http/api.ts";
import type { SandboxControls } from "../../http/deps.ts";
import { PaybellError } from "../../kit/errors.ts";
import type { PaymentStore } from "../../log/store.ts";
import { type PaymentState, summarise } from "../../payments/payment.ts";
import { isPaymentId } from "../../payments/payment-id.ts";
import { identipayRefusal } from "./refusal.ts";
import { NOT_FOUND, stateOf, type TransactionState } from "./status.ts";

const SANDBOX_CHAIN = "sandbox";

export function testSettle(api: Api, sandbox: SandboxControls, payments: PaymentStore): void {
  const settlement = new TestSettlement(sandbox, payments);
  api.route({
    method: "POST",
    url: "/api/test/settle",
    config: { access: "open", refusal: identipayRefusal },
    schema: {
      operationId: "identipayTestSettle",
      summary: "Settle an identiPay transaction at once, in the sandbox",
      tags: ["identipay", "sandbox"],
      body: Type.Object({ transactionId: Type.String({ maxLength: 100 }) }, { additionalProperties: false }),
      response: {
        200: Type.Object({
          transactionId: Type.String(),
          status: Type.String(),
          suiTxDigest: Type.Unsafe<string | null>({ type: ["string", "null"] }),
        }),
      },
    },
    handler: (request) => settlement.settle(request.body.transactionId),
  });
}

class TestSettlement {
  readonly #sandbox: SandboxControls;
  readonly #payments: PaymentStore;
  #last: Promise<unknown> = Promise.resolve();

  constructor(sandbox: SandboxControls, payments: PaymentStore) {
    this.#sandbox = sandbox;
    this.#payments = payments;
  }

  /** One after the other: two requests at once must not pay twice.
   * @throws PaybellError not_found, invalid_state */
  settle(transactionId: string): Promise<TransactionState> {
    const settled = this.#last.then(() => this.#settle(transactionId));
    // Whoever asked hears of the failure; the next one only waits for the end.
    this.#last = settled.catch(() => undefined);
    return settled;
  }

  async #settle(transactionId: string): Promise<TransactionState> {
    const before = await this.#read(transactionId);
    refuseUnlessPayable(before);
    if (isSettled(before)) return answerOf(before);
    const paid = await this.#payRest(before);
    const after = isSettled(paid) ? paid : await this.#mine(paid);
    if (isSettled(after)) return answerOf(after);
    throw new PaybellError("invalid_state", `Transaction is ${answerOf(after).status} and cannot be settled`);
  }

  /** What is on its way already counts as received, so nothing is paid twice; nor is it by another node that is asked at
   * the same moment and has read the same. */
  async #payRest({ payment }: PaymentState): Promise<PaymentState> {
    const dueAtomic = (payment.amountAtomic ?? 0n) - payment.receivedAtomic;
    const once = `identipay ${payment.id} ${payment.receivedAtomic}`;
    if (dueAtomic > 0n) await this.#sandbox.pay({ payment, amountAtomic: dueAtomic, once });
    return this.#read(payment.id);
  }

  async #mine({ payment }: PaymentState): Promise<PaymentState> {
    await this.#sandbox.mine(Math.max(1, payment.policy.confirmationsRequired));
    return this.#read(payment.id);
  }

  async #read(transactionId: string): Promise<PaymentState> {
    const snapshot = isPaymentId(transactionId) ? await this.#payments.snapshot(transactionId) : null;
    if (!snapshot) throw new PaybellError("not_found", NOT_FOUND);
    return snapshot.state;
  }
}

function answerOf({ payment }: PaymentState): TransactionState {
  return stateOf(summarise(payment));
}

function isSettled(state: PaymentState): boolean {
  return answerOf(state).status === "settled";
}

function refuseUnlessPayable({ payment }: PaymentState): void {
  if (payment.status === "cancelled" || payment.status === "failed") {
    throw new PaybellError("invalid_state", `Transaction is ${payment.status} and cannot be settled`);
  }
  if (payment.amountAtomic === null) {
    throw new PaybellError("invalid_state", "Transaction has no amount, so nothing settles it");
  }
  if (payment.chain !== SANDBOX_CHAIN) {
    throw new PaybellError("invalid_state", `Transaction is on ${payment.chain}, not on the sandbox's chain`);
  }
}
