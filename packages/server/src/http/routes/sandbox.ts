/** `POST /v1/sandbox/*`: the simulated chain by hand. Each call answers after its effects are committed. */
import { ERRORS } from "@paybell/protocol";
import type { FastifyReply, FastifyRequest } from "fastify";
import { type TSchema, Type } from "typebox";
import { PaybellError } from "../../kit/errors.ts";
import type { Payment } from "../../payments/payment.ts";
import { idempotencyHeaders, postResponses, sendAnswer } from "../answers.ts";
import type { RouteContext } from "../api.ts";
import type { SandboxControls } from "../deps.ts";
import { NoQuery } from "../query.ts";
import { readablePayment } from "../readable-payment.ts";
import { secretCaller } from "../request-auth.ts";
import { PositiveAmount, Text } from "../schemas.ts";

const MAX_BLOCKS = 1_000;
const MAX_DEPTH = 100;
const SANDBOX_CHAIN = "sandbox";

const strict = { additionalProperties: false } as const;

const PayBody = Type.Object(
  {
    paymentId: Text(100, "The payment to pay."),
    amount: Type.Optional(PositiveAmount("Atomic units. Left out: what is still due.")),
  },
  strict,
);
const MineBody = Type.Object({ blocks: Type.Integer({ minimum: 1, maximum: MAX_BLOCKS }) }, strict);
const ReorgBody = Type.Object({ depth: Type.Integer({ minimum: 1, maximum: MAX_DEPTH }) }, strict);
const DoubleSpendBody = Type.Object({ txId: Text(200, "A transaction in the mempool.") }, strict);

const TxId = Type.Object({ txId: Type.String() }, strict);
const Height = Type.Object({ height: Type.Integer() }, strict);

export function sandbox(context: RouteContext): void {
  const { api, deps } = context;
  const act = actor(context);
  api.post("/v1/sandbox/pay", { schema: schemaOf("sandboxPay", PAY, PayBody, TxId) }, (request, reply) =>
    act(request, reply, async (controls) => {
      const { paymentId, amount } = request.body;
      const { state } = await readablePayment(deps.payments, request.caller, paymentId);
      return controls.pay({ payment: state.payment, amountAtomic: amountToPay(state.payment, amount) });
    }),
  );
  api.post("/v1/sandbox/mine", { schema: schemaOf("sandboxMine", MINE, MineBody, Height) }, (request, reply) =>
    act(request, reply, (controls) => controls.mine(request.body.blocks)),
  );
  api.post("/v1/sandbox/reorg", { schema: schemaOf("sandboxReorg", REORG, ReorgBody, Height) }, (request, reply) =>
    act(request, reply, (controls) => controls.reorg(request.body.depth)),
  );
  const doubleSpend = schemaOf("sandboxDoubleSpend", DOUBLE_SPEND, DoubleSpendBody, TxId);
  api.post("/v1/sandbox/double-spend", { schema: doubleSpend }, (request, reply) =>
    act(request, reply, (controls) => controls.doubleSpend(request.body.txId)),
  );
}

const PAY = "Pay a payment: a transfer in the mempool";
const MINE = "Mine blocks; the first takes the mempool";
const REORG = "Drop the last blocks, return their transactions to the mempool, mine depth + 1 empty blocks";
const DOUBLE_SPEND = "Replace a transaction in the mempool by one that pays somebody else";

function schemaOf<B extends TSchema>(operationId: string, summary: string, body: B, good: TSchema) {
  return {
    operationId,
    summary,
    tags: ["sandbox"],
    querystring: NoQuery,
    headers: idempotencyHeaders,
    body,
    response: postResponses({ 200: good }, "sandbox_only", "not_found", "invalid_state"),
  };
}

function actor({ deps, idempotency }: RouteContext) {
  return async (
    request: FastifyRequest,
    reply: FastifyReply,
    action: (controls: SandboxControls) => Promise<object>,
  ): Promise<FastifyReply> => {
    const { merchantId } = secretCaller(request);
    const controls = deps.sandbox;
    if (!controls) throw new PaybellError("sandbox_only", ERRORS.sandbox_only.meaning);
    const answer = await idempotency.run(request, merchantId, async () => ({
      httpStatus: 200,
      body: await action(controls),
    }));
    return sendAnswer(reply, answer);
  };
}

/** What is still due; once more the whole amount where nothing is. */
function amountToPay(payment: Payment, amount: string | undefined): bigint {
  if (payment.chain !== SANDBOX_CHAIN) {
    throw new PaybellError("invalid_request", `This payment is on ${payment.chain}, not on the sandbox's chain.`, {
      field: "paymentId",
    });
  }
  if (amount !== undefined) return BigInt(amount);
  if (payment.amountAtomic === null) {
    throw new PaybellError("invalid_request", "A standing payment has no amount due: say how much to pay.", {
      field: "amount",
    });
  }
  const due = payment.amountAtomic - payment.receivedAtomic;
  return due > 0n ? due : payment.amountAtomic;
}
