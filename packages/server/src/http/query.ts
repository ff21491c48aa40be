/** Query parameters are text; these are the ones with a form. */
import { type TSchema, Type } from "typebox";
import { INTEGER_TEXT, type IntegerRange } from "../kit/strict-schema.ts";

/** An integer in the query: a schema that checks the text strictly, shown as an integer in /openapi.json. */
export const IntegerParameter = (range: IntegerRange & { default: number }, description: string) =>
  Type.Optional(Type.String({ description, [INTEGER_TEXT]: range }));

/** The value, or the default; the text was checked by the schema. */
export function integerParameter(text: string | undefined, range: { default: number }): number {
  return text === undefined ? range.default : Number(text);
}

/** A cursor: opaque, of bounded length. */
export const CursorParameter = (description: string) =>
  Type.Optional(Type.String({ description, minLength: 1, maxLength: 300 }));

const DEFAULT_PAGE = 50;

/** Of the parameter `limit` of a list. @param pageSize see `LIMITS.pageSize` */
export function pageRange(pageSize: number): IntegerRange & { default: number } {
  return { minimum: 1, maximum: pageSize, default: Math.min(DEFAULT_PAGE, pageSize) };
}

/** What a list answers for `after` of its next page. */
export const NextCursor = Type.Unsafe<string | null>({
  type: ["string", "null"],
  description: "null on the last page.",
});

/** Unknown parameters are refused. */
export const Query = <T extends Record<string, TSchema>>(properties: T) =>
  Type.Object(properties, { additionalProperties: false });

/** A POST, a DELETE or a read of one thing takes none. */
export const NoQuery = Type.Object({}, { additionalProperties: false });

export const NoBody = Type.Object({}, { additionalProperties: false, description: "Empty." });

export const ProductIdParams = Type.Object({ id: Type.String({ description: "The product's id." }) });

export const PaymentIdParams = Type.Object({ id: Type.String({ description: "The payment's id." }) });
