/** Refusals in Transak's form: `{"error":{"statusCode","name","message","errorCode"}}`. `errorCode` is Paybell's. */
import type { Refusal } from "../../http/api.ts";

const NAMES: Readonly<Record<number, string>> = {
  400: "ValidationError",
  401: "UnauthorizedError",
  403: "ForbiddenError",
  404: "NotFoundError",
  413: "PayloadTooLargeError",
  415: "UnsupportedMediaTypeError",
  429: "TooManyRequestsError",
  503: "ServiceUnavailableError",
};

export const transakRefusal: Refusal = ({ code, message, spec, details }) => {
  const { httpStatus: statusCode } = spec;
  const name = NAMES[statusCode] ?? (statusCode < 500 ? "BadRequestError" : "InternalServerError");
  const more = details === undefined ? {} : { details };
  return { httpStatus: statusCode, body: { error: { statusCode, name, message, errorCode: code, ...more } } };
};
