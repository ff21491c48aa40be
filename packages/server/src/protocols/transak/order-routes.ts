/** `GET /partners/api/v2/order/:orderId` and `/orders`: a merchant's orders, with his access token. */
import { Type } from "typebox";
import type { Api } from "../../http/api.ts";
import { PaybellError } from "../../kit/errors.ts";
import { INTEGER_TEXT } from "../../kit/strict-schema.ts";
import type { PaymentState } from "../../payments/payment.ts";
import { isPaymentId } from "../../payments/payment-id.ts";
import type { TransakContext } from "./context.ts";
import type { Order } from "./order.ts";
import { transakRefusal } from "./refusal.ts";
import { merchantOfToken } from "./tokens.ts";

const MAX_REFERENCE_CHARS = 500;
const LIMIT = { minimum: 1, maximum: 100, default: 100 };
/** Older orders are found by their id or reference, or over the native API's cursor. */
const SKIP = { minimum: 0, maximum: 10_000, default: 0 };

const Headers = Type.Object({ "access-token": Type.Optional(Type.String()) });
const AnyOrder = Type.Object({}, { additionalProperties: true });

const integer = (range: typeof LIMIT, description: string) =>
  Type.Optional(Type.String({ description, [INTEGER_TEXT]: range }));

export function oneOrder(api: Api, context: TransakContext): void {
  api.route({
    method: "GET",
    url: "/partners/api/v2/order/:orderId",
    config: { access: "open", refusal: transakRefusal },
    schema: {
      operationId: "transakOrder",
      summary: "An order in Transak's form",
      tags: ["transak"],
      headers: Headers,
      params: Type.Object({ orderId: Type.String() }),
      response: { 200: Type.Object({ meta: Type.Object({ orderId: Type.String() }), data: AnyOrder }) },
    },
    handler: async (request) => {
      const merchantId = await tokenMerchant(context, request.headers["access-token"]);
      const { orderId } = request.params;
      const snapshot = isPaymentId(orderId) ? await context.payments.snapshot(orderId) : null;
      const own = snapshot?.state.payment.merchantId === merchantId ? snapshot : null;
      const order = own && (await context.orders.current(own));
      if (!order) throw new PaybellError("not_found", "There is no such order.");
      return { meta: { orderId }, data: withMongoId(order) };
    },
  });
}

export function manyOrders(api: Api, context: TransakContext): void {
  api.route({
    method: "GET",
    url: "/partners/api/v2/orders",
    config: { access: "open", refusal: transakRefusal },
    schema: {
      operationId: "transakOrders",
      summary: "Orders in Transak's form, the newest first",
      tags: ["transak"],
      headers: Headers,
      querystring: Type.Object(
        {
          "filter[partnerOrderId]": Type.Optional(Type.String({ minLength: 1, maxLength: MAX_REFERENCE_CHARS })),
          limit: integer(LIMIT, "At most so many."),
          skip: integer(SKIP, "Leave out so many."),
        },
        { additionalProperties: false },
      ),
      response: {
        200: Type.Object({
          meta: Type.Object({ limit: Type.Integer(), skip: Type.Integer() }),
          data: Type.Array(AnyOrder),
        }),
      },
    },
    handler: async (request) => {
      const merchantId = await tokenMerchant(context, request.headers["access-token"]);
      const { query } = request;
      const limit = Number(query.limit ?? LIMIT.default);
      const skip = Number(query.skip ?? SKIP.default);
      const reference = query["filter[partnerOrderId]"];
      const wanted = { merchantId, ...(reference === undefined ? {} : { reference }) };
      return { meta: { limit, skip }, data: await ordersOf(context, wanted, skip, limit) };
    },
  });
}

/** Standing payments are no orders: they are passed over and not counted. */
async function ordersOf(
  context: TransakContext,
  wanted: { merchantId: string; reference?: string },
  skip: number,
  limit: number,
): Promise<Order[]> {
  const found: Order[] = [];
  let passed = 0;
  let after: string | null = null;
  do {
    const page: Awaited<ReturnType<typeof context.payments.list>> = await context.payments.list({
      ...wanted,
      limit: Math.min(skip + limit - passed - found.length, context.limits.pageSize),
      ...(after === null ? {} : { after }),
    });
    for (const state of page.payments) {
      if (state.payment.amountAtomic === null) continue;
      if (passed < skip) passed += 1;
      else if (found.length < limit) found.push(...(await currentOrder(context, state)));
    }
    after = page.next;
  } while (after !== null && found.length < limit);
  return found;
}

/** None where it was erased meanwhile. */
async function currentOrder(context: TransakContext, { payment }: PaymentState): Promise<readonly Order[]> {
  const snapshot = await context.payments.snapshot(payment.id);
  const order = snapshot && (await context.orders.current(snapshot));
  return order ? [withMongoId(order)] : [];
}

/** These calls name the id `_id`, events name it `id`: here is both. */
function withMongoId(order: Order): Order {
  return { _id: order.id, ...order };
}

/** @throws PaybellError unauthorized */
async function tokenMerchant(context: TransakContext, token: string | undefined): Promise<string> {
  const merchantId = await merchantOfToken(context, token ?? "");
  if (merchantId !== null) return merchantId;
  throw new PaybellError(
    "unauthorized",
    "This call needs a good access-token: POST /partners/api/v2/refresh-token gives one.",
  );
}
