/**
 * JSON in one form only, so that equal values have equal bytes: members sorted by name (UTF-16 code units), no white
 * space, numbers and strings as JavaScript writes them, in UTF-8. Source: RFC 8785.
 */

export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json | undefined };

/** Members that are `undefined` are left out.
 * @throws Error for NaN and infinite numbers, which JSON does not have. */
export function canonicalJson(value: Json): string {
  if (typeof value === "number" && !Number.isFinite(value)) throw new Error(`JSON has no ${value}.`);
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  const members = Object.keys(value)
    .sort()
    .flatMap((name) => {
      const member = value[name];
      return member === undefined ? [] : [`${JSON.stringify(name)}:${canonicalJson(member)}`];
    });
  return `{${members.join(",")}}`;
}

function isArray(value: readonly Json[] | { readonly [name: string]: Json | undefined }): value is readonly Json[] {
  return Array.isArray(value);
}
