/**
 * Strict validation of what comes from outside, requests and configuration alike: no coercion, no defaults filled in,
 * unknown fields refused, every problem named at once.
 * Query values are always text; integers among them have a keyword of their own, `x-integer-text`.
 */
import { Ajv, type ErrorObject } from "ajv";

/** One thing that is wrong. */
export interface FieldProblem {
  /** `amount`, `items[0].quantity`, `?limit`, `header Idempotency-Key`. Empty: the body as a whole. */
  path: string;
  problem: string;
  allowed: string;
}

/** So many problems are listed at most. */
const MAX_PROBLEMS = 20;

/** Keyword: the text is a decimal integer without sign or leading zeros, within the range. */
export const INTEGER_TEXT = "x-integer-text";
/** Annotation: what is allowed, in words, where the schema alone reads badly (patterns). */
export const ALLOWED = "x-allowed";

export interface IntegerRange {
  minimum: number;
  maximum: number;
  default?: number;
}

/** `allErrors`: not only the first. */
export function strictAjv({ allErrors } = { allErrors: true }): Ajv {
  const ajv = new Ajv({ allErrors, verbose: true, strict: true, strictRequired: false, allowUnionTypes: true });
  ajv.addKeyword({ keyword: ALLOWED, schemaType: "string" });
  ajv.addKeyword({
    keyword: INTEGER_TEXT,
    type: "string",
    schemaType: "object",
    validate: ({ minimum, maximum }: IntegerRange, text: string) =>
      /^(0|[1-9][0-9]{0,15})$/.test(text) && Number(text) >= minimum && Number(text) <= maximum,
    errors: false,
  });
  return ajv;
}

/** What the author of the value reads. `context`: the part of a request (fastify's `validationContext`). */
export function fieldProblems(errors: readonly unknown[], context: string | undefined): FieldProblem[] {
  const problems = (errors as ErrorObject[])
    // `if` only says that `then` or `else` failed, which has been reported by itself.
    .filter((error) => error.keyword !== "if")
    .slice(0, MAX_PROBLEMS)
    .map((error) => fieldProblem(error, context));
  return problems;
}

function fieldProblem(error: ErrorObject, context: string | undefined): FieldProblem {
  const at = (extra?: string) => pathText(error.instancePath, extra, context);
  const schema = (error.parentSchema ?? {}) as Record<string, unknown>;
  switch (error.keyword) {
    case "required": {
      const name = String(error.params.missingProperty);
      return { path: at(name), problem: "is missing", allowed: allowedBy(propertySchema(schema, name)) };
    }
    case "additionalProperties": {
      const name = String(error.params.additionalProperty);
      const known = Object.keys((schema.properties as object | undefined) ?? {});
      const allowed = known.length === 0 ? "nothing" : known.join(", ");
      return { path: at(name), problem: "is not known", allowed };
    }
    default:
      return { path: at(), problem: problemText(error), allowed: allowedBy(schema) };
  }
}

function propertySchema(schema: Record<string, unknown>, name: string): Record<string, unknown> {
  return (schema.properties as Record<string, Record<string, unknown>> | undefined)?.[name] ?? {};
}

function pathText(instancePath: string, extra: string | undefined, context: string | undefined): string {
  const parts = instancePath
    .split("/")
    .slice(1)
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
  if (extra !== undefined) parts.push(extra);
  const path = parts.reduce((text, part) => {
    if (/^[0-9]+$/.test(part)) return `${text}[${part}]`;
    return text === "" ? part : `${text}.${part}`;
  }, "");
  if (context === "querystring") return `?${path}`;
  if (context === "headers") return `header ${path}`;
  return path;
}

function problemText(error: ErrorObject): string {
  switch (error.keyword) {
    case "type":
      return `is ${typeName(error.data)}`;
    case "pattern":
    case INTEGER_TEXT:
      return "does not have the documented form";
    case "enum":
    case "const":
      return "is none of the allowed values";
    default:
      return error.message ?? "is not allowed";
  }
}

function typeName(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  return { object: "an object", string: "a string", number: "a number", boolean: "a boolean" }[
    typeof value as "object"
  ];
}

/** What a schema allows, in words. */
export function allowedBy(schema: Record<string, unknown>): string {
  if (typeof schema[ALLOWED] === "string") return schema[ALLOWED];
  if (Array.isArray(schema.enum)) return schema.enum.map((value) => String(value)).join(", ");
  const range = schema[INTEGER_TEXT] as IntegerRange | undefined;
  if (range) return `an integer from ${range.minimum} to ${range.maximum}`;
  const type = [schema.type ?? "a value"].flat().join(" or ");
  const bounds = Object.entries(BOUNDS).flatMap(([keyword, words]) =>
    schema[keyword] === undefined ? [] : [words.replace("#", String(schema[keyword]))],
  );
  return [type, ...bounds].join(", ");
}

const BOUNDS: Readonly<Record<string, string>> = {
  minimum: "at least #",
  maximum: "at most #",
  minLength: "at least # characters",
  maxLength: "at most # characters",
  minItems: "at least # items",
  maxItems: "at most # items",
};
