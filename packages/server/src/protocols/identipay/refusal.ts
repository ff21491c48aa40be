/** Refusals in identiPay's words: `{"error":{"code","message","details?"}}` with codes and texts of its own. */
import type { Refusal } from "../../http/api.ts";
import { bearerKey } from "../../http/authenticator.ts";
import type { PaybellError } from "../../kit/errors.ts";

type IdentipayCode = "NOT_FOUND" | "VALIDATION_ERROR" | "UNAUTHORIZED" | "CONFLICT" | "INTERNAL_ERROR";

export const identipayRefusal: Refusal = (error, request) => {
  const { httpStatus, code } = translate(error);
  if (code === "UNAUTHORIZED") {
    const hasKey = bearerKey(request.headers.authorization) !== null;
    const message = hasKey ? "Invalid API key" : "Missing or invalid Authorization header";
    return { httpStatus, body: { error: { code, message } } };
  }
  const message = error.code === "internal_error" ? "An unexpected error occurred" : error.message;
  const details = error.details === undefined ? {} : { details: error.details };
  return { httpStatus, body: { error: { code, message, ...details } } };
};

function translate(error: PaybellError): { httpStatus: number; code: IdentipayCode } {
  const { httpStatus } = error.spec;
  switch (httpStatus) {
    case 401:
    // identiPay knows one kind of key: a publishable one is none.
    case 403:
      return { httpStatus: 401, code: "UNAUTHORIZED" };
    case 404:
      return { httpStatus, code: "NOT_FOUND" };
    case 409:
      return { httpStatus, code: "CONFLICT" };
    case 413:
    case 415:
      return { httpStatus, code: "VALIDATION_ERROR" };
    // Not the request's fault; the message says what to wait for.
    case 429:
      return { httpStatus, code: "INTERNAL_ERROR" };
    default:
      return httpStatus < 500 ? { httpStatus: 400, code: "VALIDATION_ERROR" } : { httpStatus, code: "INTERNAL_ERROR" };
  }
}
