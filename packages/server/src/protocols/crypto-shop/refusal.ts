/** Refusals in the shop's words: `{error, code?, …}`, where `error` is the text. */
import type { Refusal } from "../../http/api.ts";
import type { PaybellError } from "../../kit/errors.ts";

export const shopRefusal: Refusal = (error) => {
  const { httpStatus } = error.spec;
  switch (error.code) {
    case "pending_order_exists":
      return {
        httpStatus,
        body: {
          error: "You have a pending order. Please complete or cancel it first.",
          code: "PENDING_ORDER_EXISTS",
          pendingOrderId: detailsOf(error).pendingOrderId,
        },
      };
    // The shop answers 400, and 404 for a product that is not there.
    case "out_of_stock":
      return {
        httpStatus: 400,
        body: { error: "Insufficient stock", code: "OUT_OF_STOCK", products: detailsOf(error).products },
      };
    default:
      return { httpStatus, body: { error: error.message, code: error.code.toUpperCase() } };
  }
};

function detailsOf({ details }: PaybellError): Record<string, unknown> {
  return (details ?? {}) as Record<string, unknown>;
}
