/** Response schemas of a route, and the sending of answers that are kept as text. */
import { ERRORS, type ErrorCode } from "@paybell/protocol";
import type { FastifyReply } from "fastify";
import { type TSchema, Type } from "typebox";
import { addErrorHeaders } from "./error-answers.ts";
import type { Answer } from "./idempotency.ts";
import { ErrorRef } from "./schemas.ts";

/** Every route can fail so. */
const ALWAYS: readonly ErrorCode[] = ["invalid_request", "rate_limited", "internal_error", "overloaded"];
const WITH_KEY: readonly ErrorCode[] = ["unauthorized", "forbidden"];
const WITH_BODY: readonly ErrorCode[] = ["invalid_json", "payload_too_large", "unsupported_media_type"];
const IDEMPOTENT: readonly ErrorCode[] = ["idempotency_mismatch", "idempotency_in_progress"];

/** Response schemas by status: the good one, and one per status of the error codes. */
export function responses(good: Record<number, TSchema>, ...codes: readonly ErrorCode[]): Record<number, TSchema> {
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of new Set([...ALWAYS, ...codes])) {
    const { httpStatus } = ERRORS[code];
    byStatus.set(httpStatus, [...(byStatus.get(httpStatus) ?? []), code]);
  }
  const failures = [...byStatus].map(([status, list]) => [
    status,
    as("application/json", ErrorRef, list.map((code) => `\`${code}\`: ${ERRORS[code].meaning}`).join(" ")),
  ]);
  const described = Object.entries(good).map(([status, schema]) => [status, { description: "OK", ...schema }]);
  // A route that describes a status itself (503 of /readyz) knows more about it.
  return { ...Object.fromEntries(failures), ...Object.fromEntries(described) };
}

/** A response of this media type. Fastify knows the form; TypeBox's types do not. */
export function as(mediaType: string, schema: TSchema, description: string): TSchema {
  return { description, content: { [mediaType]: { schema } } } as unknown as TSchema;
}

/** As `responses`, of a route that needs a secret key. */
export function keyedResponses(good: Record<number, TSchema>, ...codes: readonly ErrorCode[]): Record<number, TSchema> {
  return responses(good, ...WITH_KEY, ...codes);
}

/** As `responses`, of a request with a secret key and a body. */
export function bodyResponses(good: Record<number, TSchema>, ...codes: readonly ErrorCode[]): Record<number, TSchema> {
  return keyedResponses(good, ...WITH_BODY, ...codes);
}

/** As `responses`, of a POST with a secret key. */
export function postResponses(good: Record<number, TSchema>, ...codes: readonly ErrorCode[]): Record<number, TSchema> {
  return bodyResponses(good, ...IDEMPOTENT, ...codes);
}

/** Header of every POST. */
export const idempotencyHeaders = Type.Object({
  "idempotency-key": Type.Optional(
    Type.String({
      description:
        "The first answer under this key is kept for 24 hours and given again, with `Idempotent-Replayed: true`.",
      pattern: "^[\\x20-\\x7e]{1,255}$",
      "x-allowed": "1 to 255 printable ASCII characters",
    }),
  ),
});

export function sendAnswer(reply: FastifyReply, answer: Answer): FastifyReply {
  if (answer.replayed) reply.header("idempotent-replayed", "true");
  addErrorHeaders(reply, answer.httpStatus);
  return reply.code(answer.httpStatus).type("application/json; charset=utf-8").send(answer.body);
}
