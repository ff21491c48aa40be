/**
 * Every setting, once: its form, its default, its unit, its environment name, its meaning. From this come the check at
 * the start, `paybell start --help`, docs/reference/config.md and the JSON Schema for editors.
 * Source: DESIGN.md, "Starting it".
 */
import { type TSchema, Type } from "typebox";
import { LIMITS } from "../kit/limits.ts";
import { ALLOWED } from "../kit/strict-schema.ts";
import { chainsSchema } from "./chain-schema.ts";
import { identipaySchema } from "./identipay.ts";
import { pusherSchema } from "./pusher.ts";

/** Annotation: the environment variable that sets the value. */
export const ENVIRONMENT = "x-environment";
/** Annotation: the unit of a number. */
export const UNIT = "x-unit";

const strict = { additionalProperties: false } as const;
const DAY_SECONDS = 86_400;

const setting = <T extends TSchema>(environment: string, schema: T): T => ({ ...schema, [ENVIRONMENT]: environment });

const ORIGIN = "^https?://[a-z0-9.\\-\\[\\]:]+$";
const HOST_NAME = "^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$";
const DATABASE_URL = "^postgres(ql)?://.+$";
const REDIS_URL = "^rediss?://[^/]+(/[0-9]{0,5})?$";
const REDIS_PREFIX = "^[A-Za-z0-9_-]{1,64}$";
/** Pattern of a merchant's id. */
export const MERCHANT_ID = "^[a-z0-9][a-z0-9_-]{0,62}$";
const ADDRESS_RANGE = "^[0-9a-fA-F.:]+(/[0-9]{1,3})?$";

const limitsSchema = Type.Object(
  Object.fromEntries(
    Object.entries(LIMITS).map(([name, { default: value, min, max, unit, meaning }]) => [
      name,
      Type.Optional(Type.Integer({ default: value, minimum: min, maximum: max, [UNIT]: unit, description: meaning })),
    ]),
  ),
  { ...strict, description: "See limits.md." },
);

const tlsSchema = Type.Object(
  {
    certFile: Type.Optional(
      setting("PAYBELL_TLS_CERT", Type.String({ description: "PEM file with the certificate chain." })),
    ),
    keyFile: Type.Optional(setting("PAYBELL_TLS_KEY", Type.String({ description: "PEM file with the private key." }))),
  },
  { ...strict, description: "Serve HTTPS and WSS. Both files or neither." },
);

const serverSettings = {
  mode: setting(
    "PAYBELL_MODE",
    Type.Unsafe<"sandbox" | "live">({
      type: "string",
      enum: ["sandbox", "live"],
      default: "sandbox",
      description: "`sandbox`: a simulated chain and fixed keys that everybody knows. Stored in the database.",
    }),
  ),
  host: setting(
    "PAYBELL_HOST",
    Type.String({ minLength: 1, default: "127.0.0.1", description: "Address to listen on." }),
  ),
  port: setting(
    "PAYBELL_PORT",
    Type.Integer({ minimum: 0, maximum: 65_535, default: 8_000, description: "Port to listen on; 0: any free one." }),
  ),
  dataDir: setting(
    "PAYBELL_DATA_DIR",
    Type.String({
      minLength: 1,
      default: ".paybell",
      description: "Directory of the SQLite database. Not used with PostgreSQL.",
    }),
  ),
  databaseUrl: setting(
    "PAYBELL_DATABASE_URL",
    Type.String({
      pattern: DATABASE_URL,
      [ALLOWED]: "an address like postgres://user:password@host:5432/database",
      description:
        "PostgreSQL 14 or newer, in place of SQLite: `postgres://user:password@host:5432/database`. Any number of servers share it.",
    }),
  ),
  redisUrl: setting(
    "PAYBELL_REDIS_URL",
    Type.String({
      pattern: REDIS_URL,
      [ALLOWED]: "an address like redis://user:password@host:6379/0, or rediss:// for TLS",
      description:
        "Redis 7 or newer, or Valkey: carries events between nodes on one PostgreSQL database, faster than the database does. `redis://user:password@host:6379/0`, or `rediss://` for TLS. Whoever may listen there hears every event: keep it private. What others publish there is thrown away: messages are sealed with a secret that is in the database. Nothing is kept in it, and nothing is lost without it.",
    }),
  ),
  redisPrefix: Type.String({
    pattern: REDIS_PREFIX,
    [ALLOWED]: "letters, digits, - and _",
    default: "paybell",
    description:
      "Begins the names of the channels on Redis. They also carry the number of the database and the log's epoch, so that two installations share a Redis without any setting; copies of one database do not.",
  }),
  tls: tlsSchema,
  allowedOrigins: setting(
    "PAYBELL_ALLOWED_ORIGINS",
    Type.Array(Type.String({ pattern: ORIGIN, [ALLOWED]: "an origin like https://shop.example, without a path" }), {
      default: [],
      description:
        "Origins whose browsers may use keys and cookies. Paths that need only a payment's id accept any origin. Comma-separated in the environment.",
    }),
  ),
  trustProxy: setting(
    "PAYBELL_TRUST_PROXY",
    Type.Array(Type.String({ pattern: ADDRESS_RANGE, [ALLOWED]: "an address or range like 10.0.0.0/8" }), {
      default: [],
      description: "Proxies whose X-Forwarded-For is believed. Comma-separated in the environment.",
    }),
  ),
  logLevel: setting(
    "PAYBELL_LOG_LEVEL",
    Type.String({
      enum: ["fatal", "error", "warn", "info", "debug", "trace", "silent"],
      description:
        "Least important lines that are logged. Default: `info`; in the sandbox `warn`, which leaves the screen to the events.",
    }),
  ),
  sandboxPublic: setting(
    "PAYBELL_SANDBOX_PUBLIC",
    Type.Boolean({
      default: false,
      description: "Let the sandbox listen on other addresses than loopback, although everybody knows its keys.",
    }),
  ),
  sandboxBlockMs: setting(
    "PAYBELL_SANDBOX_BLOCK_MS",
    Type.Integer({
      minimum: 0,
      maximum: DAY_SECONDS * 1_000,
      default: 0,
      [UNIT]: "ms",
      description: "The sandbox mines a block every so often; 0: only on request.",
    }),
  ),
};

const paymentSettings = {
  defaults: Type.Object(
    {
      expiresInSeconds: Type.Optional(
        Type.Integer({
          minimum: 1,
          maximum: 30 * DAY_SECONDS,
          default: 3_600,
          [UNIT]: "s",
          description: "Life of a payment that does not say its own.",
        }),
      ),
      monitoringSeconds: Type.Optional(
        Type.Integer({
          minimum: 0,
          maximum: 365 * DAY_SECONDS,
          default: DAY_SECONDS,
          [UNIT]: "s",
          description: "How long after its expiry a payment is still credited, as late.",
        }),
      ),
    },
    { ...strict, description: "What a payment gets when the request does not say." },
  ),
  replayWindowMs: Type.Integer({
    minimum: 0,
    maximum: 30 * DAY_SECONDS * 1_000,
    default: 3_600_000,
    [UNIT]: "ms",
    description: "How far back wires without a cursor are replayed at each join or subscribe.",
  }),
  drainNoticeMs: Type.Integer({
    minimum: 0,
    maximum: 600_000,
    [UNIT]: "ms",
    description:
      "After the signal to stop: how long `/readyz` says `stopping` and all else goes on, for a load balancer to notice. Default: 0; in live mode on PostgreSQL, where there are other nodes, 5000.",
  }),
  drainMs: Type.Integer({
    minimum: 0,
    maximum: 600_000,
    [UNIT]: "ms",
    description:
      "Then clients are told to come back, evenly spread over this time. Default: 1000; in live mode on PostgreSQL 10000.",
  }),
  hosts: Type.Unsafe<Record<string, string>>({
    type: "object",
    propertyNames: { pattern: HOST_NAME, [ALLOWED]: "a host name in lower case, without port" },
    additionalProperties: { type: "string", pattern: MERCHANT_ID, [ALLOWED]: "the id of a merchant" },
    description: "Host name of a request → merchant, for wires that carry no key.",
  }),
  chains: chainsSchema,
  identipay: identipaySchema,
  pusher: pusherSchema,
  limits: limitsSchema,
};

export const configSchema = Type.Object(
  Object.fromEntries(
    Object.entries({ ...serverSettings, ...paymentSettings }).map(([name, schema]) => [name, Type.Optional(schema)]),
  ),
  strict,
);
