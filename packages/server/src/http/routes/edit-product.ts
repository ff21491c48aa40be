/** `PATCH /v1/products/{id}` */
import { type Static, Type } from "typebox";
import type { ProductEdit } from "../../ingest/products.ts";
import { PaybellError } from "../../kit/errors.ts";
import { MAX_STOCK, viewProduct } from "../../payments/product.ts";
import { bodyResponses } from "../answers.ts";
import type { RouteContext } from "../api.ts";
import { NoQuery, ProductIdParams } from "../query.ts";
import { secretCaller } from "../request-auth.ts";
import { PositiveAmount, ProductRef, Text } from "../schemas.ts";

const Body = Type.Object(
  {
    name: Type.Optional(Text(200, "What it is called.")),
    price: Type.Optional(
      PositiveAmount("Of one unit, in atomic units. Orders keep the price at which they were made."),
    ),
    addStock: Type.Optional(
      Type.Integer({
        minimum: -MAX_STOCK,
        maximum: MAX_STOCK,
        description: "Units that came, or (negative) went otherwise than by an order. Safe beside orders.",
      }),
    ),
    stock: Type.Optional(
      Type.Integer({ minimum: 0, maximum: MAX_STOCK, description: "Units on hand as counted. With `expectedStock`." }),
    ),
    expectedStock: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: Number.MAX_SAFE_INTEGER,
        description: "The stock as you read it: if an order changed it meanwhile, `stock_mismatch`.",
      }),
    ),
  },
  { additionalProperties: false, minProperties: 1 },
);

export function editProduct({ api, deps }: RouteContext): void {
  api.route({
    method: "PATCH",
    url: "/v1/products/:id",
    schema: {
      operationId: "editProduct",
      summary: "Change a product's name, price or stock",
      description:
        "Stock by difference (`addStock`), or by what was counted (`stock` with `expectedStock`): a number alone would undo what orders did meanwhile. To repeat a request whose answer was lost, use the second form: `addStock` would be added twice.",
      tags: ["products"],
      params: ProductIdParams,
      querystring: NoQuery,
      body: Body,
      response: bodyResponses({ 200: ProductRef }, "not_found", "below_reserved", "stock_mismatch"),
    },
    handler: async (request) => {
      const { merchantId } = secretCaller(request);
      return viewProduct(await deps.products.edit(merchantId, request.params.id, editOf(request.body)));
    },
  });
}

function editOf({ name, price, addStock, stock, expectedStock }: Static<typeof Body>): ProductEdit {
  if ((stock === undefined) !== (expectedStock === undefined)) {
    const path = stock === undefined ? "stock" : "expectedStock";
    throw invalid(path, "is missing", "`stock` and `expectedStock` together, or `addStock`");
  }
  if (stock !== undefined && addStock !== undefined) {
    throw invalid("addStock", "is given together with stock", "one of the two");
  }
  return {
    ...(name === undefined ? {} : { name }),
    ...(price === undefined ? {} : { priceAtomic: BigInt(price) }),
    ...(addStock === undefined ? {} : { addStock }),
    ...(stock === undefined || expectedStock === undefined ? {} : { setStock: { stock, expected: expectedStock } }),
  };
}

function invalid(path: string, problem: string, allowed: string): PaybellError {
  return new PaybellError("invalid_request", `${path} ${problem}; allowed: ${allowed}.`, [{ path, problem, allowed }]);
}
