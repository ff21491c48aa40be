/** `POST /v1/products`, `GET /v1/products`, `GET /v1/products/{id}`, `DELETE /v1/products/{id}` */
import { Type } from "typebox";
import { MAX_STOCK, viewProduct } from "../../payments/product.ts";
import { idempotencyHeaders, keyedResponses, postResponses, sendAnswer } from "../answers.ts";
import type { RouteContext } from "../api.ts";
import {
  CursorParameter,
  IntegerParameter,
  integerParameter,
  NextCursor,
  NoQuery,
  ProductIdParams,
  pageRange,
  Query,
} from "../query.ts";
import { productNotFound, secretCaller } from "../request-auth.ts";
import { PositiveAmount, ProductRef, Text } from "../schemas.ts";

const tags = ["products"];

const Body = Type.Object(
  {
    name: Text(200, "What it is called."),
    price: PositiveAmount("Of one unit, in atomic units."),
    chain: Text(64, "A chain of the configuration; `sandbox` in the sandbox."),
    asset: Text(100, "`SBX` in the sandbox, `BTC` on Bitcoin."),
    stock: Type.Integer({ minimum: 0, maximum: MAX_STOCK, description: "Units on hand." }),
  },
  { additionalProperties: false },
);

export function products(context: RouteContext): void {
  create(context);
  list(context);
  get(context);
  archive(context);
}

function create({ api, deps, idempotency }: RouteContext): void {
  api.route({
    method: "POST",
    url: "/v1/products",
    schema: {
      operationId: "createProduct",
      summary: "Create a product with its stock",
      tags,
      querystring: NoQuery,
      headers: idempotencyHeaders,
      body: Body,
      response: postResponses({ 201: ProductRef }, "not_supported"),
    },
    handler: async (request, reply) => {
      const { merchantId } = secretCaller(request);
      const { price, ...given } = request.body;
      const wanted = { merchantId, priceAtomic: BigInt(price), ...given };
      const answer = await idempotency.write(request, merchantId, {
        httpStatus: 201,
        write: (answerWith) => deps.products.create(wanted, answerWith),
        viewOf: viewProduct,
        paymentIds: () => [],
      });
      return sendAnswer(reply, answer);
    },
  });
}

function list({ api, deps }: RouteContext): void {
  const limits = pageRange(deps.limits.pageSize);
  api.route({
    method: "GET",
    url: "/v1/products",
    schema: {
      operationId: "listProducts",
      summary: "List products, oldest first",
      tags,
      querystring: Query({
        limit: IntegerParameter(limits, "Products in one page."),
        after: CursorParameter("`next` of the page before."),
      }),
      response: keyedResponses(
        {
          200: Type.Object({
            products: Type.Array(ProductRef),
            next: NextCursor,
          }),
        },
        "invalid_cursor",
      ),
    },
    handler: async (request) => {
      const { merchantId } = secretCaller(request);
      const { limit, ...rest } = request.query;
      const page = await deps.productStore.listProducts({
        merchantId,
        ...rest,
        limit: integerParameter(limit, limits),
      });
      return { products: page.products.map(viewProduct), next: page.next };
    },
  });
}

function get({ api, deps }: RouteContext): void {
  api.route({
    method: "GET",
    url: "/v1/products/:id",
    schema: {
      operationId: "getProduct",
      summary: "Read a product",
      tags,
      params: ProductIdParams,
      querystring: NoQuery,
      response: keyedResponses({ 200: ProductRef }, "not_found"),
    },
    handler: async (request) => {
      const { merchantId } = secretCaller(request);
      const [product] = await deps.productStore.products(merchantId, [request.params.id]);
      if (!product || product.archivedAtMs !== null) throw productNotFound();
      return viewProduct(product);
    },
  });
}

function archive({ api, deps }: RouteContext): void {
  api.route({
    method: "DELETE",
    url: "/v1/products/:id",
    schema: {
      operationId: "archiveProduct",
      summary: "Take a product out of the shop",
      description: "It can no longer be read or ordered. Orders that it is part of go on, and so does its stock.",
      tags,
      params: ProductIdParams,
      querystring: NoQuery,
      response: keyedResponses({ 204: Type.Null({ description: "Done." }) }, "not_found"),
    },
    handler: async (request, reply) => {
      const { merchantId } = secretCaller(request);
      await deps.products.archive(merchantId, request.params.id);
      return reply.code(204).send();
    },
  });
}
