/** `/openapi.json`, generated from the schemas that validate. */
import swagger from "@fastify/swagger";
import { ALLOWED, INTEGER_TEXT, type IntegerRange } from "../kit/strict-schema.ts";
import type { Access, Api } from "./api.ts";
import { components } from "./schemas.ts";

const DESCRIPTION = [
  "Paybell: payments, and every change of them in order.",
  "Amounts are decimal strings of atomic units; times are ISO 8601 in UTC.",
  'Errors are `{"error":{"code","message","details?"}}`; every code is in docs/reference/errors.md.',
].join(" ");

const SECURITY: Record<Access, readonly object[]> = {
  secret: [{ secretKey: [] }],
  public: [{}, { secretKey: [] }],
  optional: [{}, { secretKey: [] }],
  open: [],
};

export function describeApi(api: Api, version: string): void {
  for (const schema of Object.values(components)) api.addSchema(schema);
  api.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: { title: "Paybell", version, description: DESCRIPTION },
      components: { securitySchemes: { secretKey: { type: "http", scheme: "bearer", description: "`sk_…`" } } },
    },
    refResolver: { buildLocalReference: (json, _baseUri, _fragment, place) => String(json.$id ?? `def-${place}`) },
    transform: ({ schema, url, route }) => {
      const access = (route.config as { access?: Access } | undefined)?.access ?? "secret";
      return { url, schema: publish({ ...schema, security: SECURITY[access] }) as typeof schema };
    },
    transformObject: (made) => publish("openapiObject" in made ? made.openapiObject : made.swaggerObject) as object,
  });
}

export function openapiRoute({ api }: { api: Api }): void {
  api.route({
    method: "GET",
    url: "/openapi.json",
    config: { access: "open" },
    schema: { hide: true },
    handler: async () => api.swagger(),
  });
}

/** Our own keywords in the words of OpenAPI. */
function publish(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(publish);
  if (typeof value !== "object" || value === null) return value;
  const { [ALLOWED]: _words, [INTEGER_TEXT]: range, ...rest } = value as Record<string, unknown>;
  const published = Object.fromEntries(Object.entries(rest).map(([name, part]) => [name, publish(part)]));
  return range === undefined ? published : { ...published, type: "integer", ...(range as IntegerRange) };
}
