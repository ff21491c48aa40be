/** `POST /api/orders`, `GET /api/orders`, `GET /api/health`: the shop's own calls, in its shapes. */
import { createHash } from "node:crypto";
import { ORDER_STATUSES, type Order, type OrderStatus } from "@paybell/protocol";
import type { FastifyRequest } from "fastify";
import { type Static, Type } from "typebox";
import type { Api } from "../../http/api.ts";
import type { IdempotentPosts } from "../../http/deps.ts";
import { PaybellError } from "../../kit/errors.ts";
import { ALLOWED } from "../../kit/strict-schema.ts";
import { viewOrder } from "../../payments/order.ts";
import type { PaymentState } from "../../payments/payment.ts";
import type { CryptoShopDeps } from "./context.ts";
import { shopRefusal } from "./refusal.ts";
import type { RequestUsers, ShopUser } from "./request-user.ts";
import { shopOrder } from "./shop-order.ts";
import { PLAIN_TEXT, USER_ID_MAX_CHARS } from "./user-id.ts";

type Context = Pick<CryptoShopDeps, "ingest" | "payments" | "products" | "limits">;

const MAX_LINES = 100;
const DEFAULT_LIMIT = 10;
const tags = ["crypto-shop"];
const config = { access: "open", cookies: true, refusal: shopRefusal } as const;

const who = {
  key: Type.Optional(Type.String({ maxLength: 200, description: "The shop's publishable key." })),
  userId: Type.Optional(
    Type.String({
      maxLength: USER_ID_MAX_CHARS,
      pattern: PLAIN_TEXT,
      [ALLOWED]: `text of 1 to ${USER_ID_MAX_CHARS} characters without control characters`,
      description: "In the sandbox instead of the cookie `accessToken`.",
    }),
  ),
};

/** May be empty. */
const color = {
  maxLength: 100,
  pattern: "^[^\\p{Cc}\\p{Cs}]*$",
  [ALLOWED]: "null, or text of at most 100 characters without control characters",
};

/** Members that this shop's own pages send besides (names, prices) change nothing. */
const Body = Type.Object(
  {
    userId: who.userId,
    products: Type.Array(
      Type.Object(
        {
          productId: Type.String({ minLength: 1, maxLength: 200 }),
          quantity: Type.Integer({ minimum: 1, maximum: 1_000_000 }),
          color: Type.Optional(Type.Unsafe<string | null>({ type: ["string", "null"], ...color })),
        },
        { additionalProperties: true },
      ),
      { minItems: 1, maxItems: MAX_LINES },
    ),
  },
  { additionalProperties: true },
);

export function shopHealth(api: Api): void {
  api.route({
    method: "GET",
    url: "/api/health",
    config,
    schema: {
      operationId: "cryptoShopHealth",
      summary: "Crypto Shop: is it there?",
      tags,
      response: { 200: Type.Object({ status: Type.String() }) },
    },
    handler: async () => ({ status: "OK" }),
  });
}

export function placeOrder(api: Api, context: Context, users: RequestUsers, posts: IdempotentPosts): void {
  api.route({
    method: "POST",
    url: "/api/orders",
    config,
    schema: {
      operationId: "cryptoShopPlaceOrder",
      summary: "Crypto Shop: place an order",
      tags,
      querystring: Type.Object({ key: who.key }, { additionalProperties: false }),
      headers: posts.headers,
      body: Body,
      response: { 201: Type.Object({ success: Type.Boolean(), message: Type.String(), order: Type.Any() }) },
    },
    handler: async (request, reply) => {
      users.refuseForeignPage(request);
      const { products, userId } = request.body;
      const user = await users.userOf(request, { key: request.query.key, userId });
      keepKeyToUser(request, user);
      return posts.writePayment(request, reply, {
        merchantId: user.merchantId,
        httpStatus: 201,
        write: (answerWith) =>
          context.ingest.createOrder(
            { merchantId: user.merchantId, customer: user.userId, items: products.map(lineOf) },
            answerWith,
          ),
        viewOf: (state) => ({ success: true, message: "Order created successfully", order: shown(state) }),
      });
    },
  });
}

export function listOrders(api: Api, context: Context, users: RequestUsers): void {
  const { pageSize } = context.limits;
  const count = Type.Optional(Type.String({ pattern: "^[1-9][0-9]{0,5}$", "x-allowed": "an integer from 1 on" }));
  // Two that orders of the shop know and ours never have.
  const status = Type.Unsafe<OrderStatus | "refunded" | "failed">({
    type: "string",
    enum: [...ORDER_STATUSES, "refunded", "failed"],
  });
  api.route({
    method: "GET",
    url: "/api/orders",
    config,
    schema: {
      operationId: "cryptoShopListOrders",
      summary: "Crypto Shop: a user's orders, newest first",
      tags,
      querystring: Type.Object(
        { ...who, status: Type.Optional(status), limit: count, page: count },
        { additionalProperties: false },
      ),
      response: {
        200: Type.Object({
          success: Type.Boolean(),
          orders: Type.Array(Type.Any()),
          stats: Type.Any(),
          pagination: Type.Any(),
        }),
      },
    },
    handler: async (request) => {
      const { status: wanted, ...query } = request.query;
      const user = await users.userOf(request, query);
      const [limit, page] = [Number(query.limit ?? DEFAULT_LIMIT), Number(query.page ?? 1)];
      if (limit * page > pageSize) {
        throw new PaybellError("invalid_request", `Only the newest ${pageSize} orders can be listed.`);
      }
      const counts = await context.products.countOrders(user.merchantId, user.userId);
      const stats = { total: counts.pending + counts.completed + counts.cancelled, ...counts, refunded: 0, failed: 0 };
      const total = stats[wanted ?? "total"];
      const orders = total === 0 ? [] : await newest(context, user, wanted as OrderStatus | undefined, limit * page);
      return {
        success: true,
        orders: orders.slice(limit * (page - 1)).map(shopOrder),
        stats,
        pagination: { total, page, pages: Math.ceil(total / limit) },
      };
    },
  });
}

/** At most `count`. */
async function newest(
  { payments }: Context,
  { merchantId, userId }: ShopUser,
  status: OrderStatus | undefined,
  count: number,
): Promise<Order[]> {
  const found: Order[] = [];
  let after: string | null = null;
  do {
    const page: Awaited<ReturnType<Context["payments"]["list"]>> = await payments.list({
      merchantId,
      customer: userId,
      order: status ?? "any",
      limit: count - found.length,
      ...(after === null ? {} : { after }),
    });
    found.push(...page.payments.map(viewOrder).filter((order) => order !== null));
    after = page.next;
  } while (after !== null && found.length < count);
  return found;
}

function lineOf({ productId, quantity, color }: Static<typeof Body>["products"][number]) {
  return { productId, quantity, ...(color == null || color === "" ? {} : { options: { color } }) };
}

function shown(state: PaymentState) {
  const order = viewOrder(state);
  return order && shopOrder(order);
}

/** Under one Idempotency-Key a shop gets one answer; here two users must not get each other's. */
function keepKeyToUser({ headers }: FastifyRequest, { userId }: ShopUser): void {
  const key = headers["idempotency-key"];
  if (typeof key !== "string") return;
  headers["idempotency-key"] = createHash("sha256").update(`${userId}\n${key}`).digest("base64url");
}
