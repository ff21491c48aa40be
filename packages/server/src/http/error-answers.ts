/** Everything that goes wrong becomes `{"error":{"code","message","details?"}}` with a code of the registry. */
import { ERRORS } from "@paybell/protocol";
import type { FastifyError, FastifyReply, FastifyRequest } from "fastify";
import { PaybellError } from "../kit/errors.ts";
import { fieldProblems } from "../kit/strict-schema.ts";
import { CursorExpired, LogOverloaded, StoreUnavailable } from "../log/event-log.ts";
import type { Refusal } from "./api.ts";

const RETRY_AFTER_SECONDS = "1";

/** Translates whatever was thrown; `null` for what went wrong on this side. */
export function knownError(error: unknown, bodyBytes: number): PaybellError | null {
  if (error instanceof PaybellError) return withFieldList(error);
  if (error instanceof LogOverloaded) return new PaybellError("overloaded", ERRORS.overloaded.meaning);
  if (error instanceof CursorExpired) return new PaybellError("cursor_expired", ERRORS.cursor_expired.meaning);
  const { code, validation, validationContext } = error as Partial<FastifyError>;
  if (validation) {
    const details = fieldProblems(validation, validationContext);
    const first = details[0];
    const subject = first?.path === "" ? "The body" : first?.path;
    return new PaybellError("invalid_request", `${subject} ${first?.problem}; allowed: ${first?.allowed}.`, details);
  }
  switch (code) {
    case "FST_ERR_CTP_BODY_TOO_LARGE":
      return new PaybellError("payload_too_large", `The body is larger than ${bodyBytes} bytes.`, { limit: bodyBytes });
    case "FST_ERR_CTP_INVALID_MEDIA_TYPE":
      return new PaybellError("unsupported_media_type", ERRORS.unsupported_media_type.meaning);
    case "FST_ERR_CTP_INVALID_CONTENT_LENGTH":
      return new PaybellError("invalid_request", "The body is not as long as Content-Length says.");
    case "FST_ERR_BAD_URL":
      return new PaybellError("invalid_request", "The path is not valid percent-encoded UTF-8.");
    case "FST_ERR_MAX_PARAM_LENGTH":
      return new PaybellError("not_found", "There is nothing by so long a name.");
    // The client hung up in the middle of its body: nobody reads this answer.
    case "ECONNRESET":
      return new PaybellError("invalid_request", "The body ended before its time.");
    default:
      return null;
  }
}

/** `invalid_request` always lists fields, also where only deeper code could see what was wrong. */
function withFieldList(error: PaybellError): PaybellError {
  const field = (error.details as { field?: unknown } | undefined)?.field;
  if (error.code !== "invalid_request" || typeof field !== "string") return error;
  return new PaybellError("invalid_request", error.message, [
    { path: field, problem: error.message, allowed: "see the message" },
  ]);
}

/** What went wrong on this side: the client gets the request id, the log gets the error. */
export function ownFailure(error: unknown, request: FastifyRequest): PaybellError {
  request.log.error({ err: error, route: request.routeOptions.url }, "a request failed");
  const details = { requestId: request.id };
  return error instanceof StoreUnavailable
    ? new PaybellError("overloaded", "The database cannot be used at the moment: repeat the request.", details)
    : new PaybellError("internal_error", ERRORS.internal_error.meaning, details);
}

/** The answer to anything thrown by a route or a hook. */
export function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply, bodyBytes: number): void {
  const answer = knownError(error, bodyBytes) ?? ownFailure(error, request);
  const { httpStatus, body } = refusalOf(answer, request);
  addErrorHeaders(reply, httpStatus);
  reply.code(httpStatus).type("application/json; charset=utf-8").send(JSON.stringify(body));
}

/** What the client is told, in the words of the route's protocol. */
export const refusalOf: Refusal = (error, request) =>
  (request.routeOptions.config?.refusal ?? inOurWords)(error, request);

const inOurWords: Refusal = (error) => ({ httpStatus: error.spec.httpStatus, body: error.toBody() });

/** `Retry-After` and `WWW-Authenticate`, where the status asks for them. */
export function addErrorHeaders(reply: FastifyReply, httpStatus: number): void {
  if (httpStatus === 503 || httpStatus === 429) reply.header("retry-after", RETRY_AFTER_SECONDS);
  if (httpStatus === 401) reply.header("www-authenticate", "Bearer");
}
