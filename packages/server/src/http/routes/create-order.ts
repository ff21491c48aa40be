/** `POST /v1/orders` */
import { type Static, Type } from "typebox";
import type { OrderRequest } from "../../ingest/ingest.ts";
import { viewOrder } from "../../payments/order.ts";
import type { PaymentState } from "../../payments/payment.ts";
import { idempotencyHeaders, postResponses, sendAnswer } from "../answers.ts";
import type { RouteContext } from "../api.ts";
import { NoQuery } from "../query.ts";
import { secretCaller } from "../request-auth.ts";
import { ItemOptions, OrderRef, Quantity, Text } from "../schemas.ts";
import { paymentFields, requireSmallMetadata } from "./create-payment.ts";

const MAX_ITEMS = 100;

const Line = Type.Object(
  {
    productId: Text(200, "A product's id."),
    quantity: Quantity,
    options: Type.Optional(ItemOptions),
  },
  { additionalProperties: false },
);

const Body = Type.Object(
  {
    customer: Text(200, "Your own name for the buyer. One pending order each. Erased with the order."),
    items: Type.Array(Line, { minItems: 1, maxItems: MAX_ITEMS, description: "Priced here, from the products." }),
    chain: Type.Optional(Text(64, "The products'; another one is refused.")),
    asset: Type.Optional(Text(100, "The products'; another one is refused.")),
    ...paymentFields,
  },
  { additionalProperties: false },
);

export function createOrder({ api, deps, idempotency }: RouteContext): void {
  api.route({
    method: "POST",
    url: "/v1/orders",
    schema: {
      operationId: "createOrder",
      summary: "Order products: a payment whose units are reserved with it",
      description:
        "The order's id is the payment's: cancel, claim, deliver, resolve and erase it as a payment. Units are taken when it is paid, and released when it expires or is cancelled.",
      tags: ["orders"],
      querystring: NoQuery,
      headers: idempotencyHeaders,
      body: Body,
      response: postResponses(
        { 201: OrderRef },
        "not_found",
        "out_of_stock",
        "pending_order_exists",
        "address_in_use",
        "gap_exhausted",
        "not_supported",
        "conflict",
      ),
    },
    handler: async (request, reply) => {
      const { merchantId } = secretCaller(request);
      const wanted = orderRequest(merchantId, request.body, deps.limits.metadataBytes);
      const write = (answerWith?: Parameters<typeof deps.ingest.createOrder>[1]) =>
        deps.ingest.createOrder(wanted, answerWith);
      return sendAnswer(reply, await idempotency.writePayment(request, merchantId, 201, write, orderOf));
    },
  });
}

function orderRequest(merchantId: string, body: Static<typeof Body>, metadataBytes: number): OrderRequest {
  requireSmallMetadata(body.metadata, metadataBytes);
  return { merchantId, ...body };
}

function orderOf(state: PaymentState): object {
  const order = viewOrder(state);
  if (!order) throw new Error(`Payment ${state.payment.id} was made as an order and is none.`);
  return order;
}
