/** `GET /v1/orders`, `GET /v1/orders/{id}` */
import { ORDER_STATUSES, type Order } from "@paybell/protocol";
import { Type } from "typebox";
import { viewOrder } from "../../payments/order.ts";
import { isPaymentId } from "../../payments/payment-id.ts";
import { keyedResponses } from "../answers.ts";
import type { RouteContext } from "../api.ts";
import {
  CursorParameter,
  IntegerParameter,
  integerParameter,
  NextCursor,
  NoQuery,
  PaymentIdParams,
  pageRange,
  Query,
} from "../query.ts";
import { orderNotFound, secretCaller } from "../request-auth.ts";
import { OrderRef, oneOf, Text } from "../schemas.ts";

const tags = ["orders"];

export function orders(context: RouteContext): void {
  list(context);
  get(context);
}

function list({ api, deps }: RouteContext): void {
  const limits = pageRange(deps.limits.pageSize);
  api.route({
    method: "GET",
    url: "/v1/orders",
    schema: {
      operationId: "listOrders",
      summary: "List orders, newest first",
      description: "A page may hold fewer orders than `limit`: go on with `next` until it is null.",
      tags,
      querystring: Query({
        customer: Type.Optional(Text(200, "Only those of this customer.")),
        status: Type.Optional(oneOf(ORDER_STATUSES)),
        limit: IntegerParameter(limits, "Orders in one page."),
        after: CursorParameter("`next` of the page before."),
      }),
      response: keyedResponses(
        {
          200: Type.Object({
            orders: Type.Array(OrderRef),
            next: NextCursor,
          }),
        },
        "invalid_cursor",
      ),
    },
    handler: async (request) => {
      const { merchantId } = secretCaller(request);
      const { limit, status, ...filter } = request.query;
      const page = await deps.payments.list({
        merchantId,
        ...filter,
        order: status ?? "any",
        limit: integerParameter(limit, limits),
      });
      const found = page.payments.map(viewOrder).filter((order): order is Order => order !== null);
      return { orders: found, next: page.next };
    },
  });
}

function get({ api, deps }: RouteContext): void {
  api.route({
    method: "GET",
    url: "/v1/orders/:id",
    schema: {
      operationId: "getOrder",
      summary: "Read an order",
      tags,
      params: PaymentIdParams,
      querystring: NoQuery,
      response: keyedResponses({ 200: OrderRef }, "not_found"),
    },
    handler: async (request) => {
      const { merchantId } = secretCaller(request);
      const { id } = request.params;
      const snapshot = isPaymentId(id) ? await deps.payments.snapshot(id) : null;
      const order = snapshot?.state.payment.merchantId === merchantId ? viewOrder(snapshot.state) : null;
      if (!order) throw orderNotFound();
      return order;
    },
  });
}
