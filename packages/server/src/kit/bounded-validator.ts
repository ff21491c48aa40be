/**
 * Strict validation in bounded time, whatever is sent: 250 kB can hold a hundred thousand mistakes, and listing them all
 * takes seconds in which nobody else is served. So the first mistake ends it; of an input of ordinary size they are then
 * all looked for.
 */
import type { ErrorObject, ValidateFunction } from "ajv";
import { shapeOf } from "./json-shape.ts";
import { strictAjv } from "./strict-schema.ts";

/** Values in an input, up to which every problem of it is told; of a larger one the first. */
export const VALUES_LISTED = 2_000;

/** `errors`: of the last call that returned false, as ajv has it. */
export interface Validator {
  (value: unknown): boolean;
  errors?: ErrorObject[] | null;
}

/** Compiles schemas, one validator each. */
export function boundedValidators(): (schema: object) => Validator {
  const quick = strictAjv({ allErrors: false });
  const thorough = strictAjv();
  return (schema) => {
    const isValid = quick.compile(schema);
    // Compiled when the first mistake is made.
    let all: ValidateFunction | null = null;
    const validator: Validator = (value) => {
      if (isValid(value)) return true;
      validator.errors = isValid.errors ?? null;
      if (shapeOf(value, VALUES_LISTED).values > VALUES_LISTED) return false;
      all ??= thorough.compile(schema);
      if (!all(value)) validator.errors = all.errors ?? null;
      return false;
    };
    return validator;
  };
}
