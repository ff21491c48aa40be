import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { withDatabase } from "../../src/cli/with-database.ts";
import { KEY_CACHE_TTL_MS, KeyAuthenticator } from "../../src/http/key-authenticator.ts";
import {
  createKey,
  hashKey,
  KEY_LENGTH,
  keyRow,
  parseKey,
  SANDBOX_PUBLISHABLE_KEY,
  SANDBOX_SECRET_KEY,
} from "../../src/http/keys.ts";
import { seedSandbox } from "../../src/http/sandbox-seed.ts";
import { systemClock } from "../../src/kit/clock.ts";
import { ManualClock } from "../../testkit/manual-clock.ts";
import { codeOf, PAYMENT, TestServer } from "./harness.ts";

const ID = "00000000-0000-4000-8000-000000000000";
const SECRET_ROUTES = [
  ["POST", "/v1/payments"],
  ["GET", "/v1/payments"],
  ["DELETE", `/v1/payments/${ID}`],
  ["POST", `/v1/payments/${ID}/cancel`],
  ["POST", `/v1/payments/${ID}/claim`],
  ["POST", `/v1/payments/${ID}/delivery`],
  ["POST", `/v1/payments/${ID}/resolve`],
  ["GET", "/v1/events"],
  ["POST", "/v1/observations"],
  ["POST", "/v1/sandbox/pay"],
  ["POST", "/v1/sandbox/mine"],
  ["POST", "/v1/sandbox/reorg"],
  ["POST", "/v1/sandbox/double-spend"],
] as const;

describe("in the sandbox", () => {
  let server: TestServer;

  beforeAll(async () => {
    server = await TestServer.start();
  });
  afterAll(() => server.stop());

  it.each(SECRET_ROUTES)("%s %s needs a key, a known one, and a secret one", async (method, path) => {
    const none = await server.call(method, path, { key: null });
    expect(codeOf(none)).toBe("401 unauthorized");
    expect(none.headers.get("www-authenticate")).toBe("Bearer");
    expect(codeOf(await server.call(method, path, { key: createKey("secret", "sandbox") }))).toBe("401 unauthorized");
    expect(codeOf(await server.call(method, path, { key: SANDBOX_PUBLISHABLE_KEY }))).toBe("403 forbidden");
  });

  it("asks for the key before it reads the body", async () => {
    const options = { key: null, body: "{not json", headers: { "content-type": "text/plain" } };
    expect(codeOf(await server.call("POST", "/v1/payments", options))).toBe("401 unauthorized");
  });

  it.each(["Basic dXNlcjpwYXNz", "Bearer", "Bearer  ", "Bearer a b", SANDBOX_SECRET_KEY, `Bearer ${"x".repeat(300)}`])(
    "refuses the header %s",
    async (authorization) => {
      const answer = await server.get("/v1/payments", { key: null, headers: { authorization } });
      expect(codeOf(answer)).toBe("401 unauthorized");
    },
  );

  it("does not take a wrong key for no key where none is needed", async () => {
    const { id } = await server.payment();
    expect(codeOf(await server.get(`/v1/payments/${id}`, { key: "sk_sandbox_wrong" }))).toBe("401 unauthorized");
    expect(codeOf(await server.get(`/v1/events?paymentId=${id}`, { key: "sk_sandbox_wrong" }))).toBe(
      "401 unauthorized",
    );
  });

  it("does not know a key in the query", async () => {
    expect(codeOf(await server.get(`/v1/payments?key=${SANDBOX_SECRET_KEY}`, { key: null }))).toBe("401 unauthorized");
  });

  it("refuses keys of live mode", async () => {
    expect(codeOf(await server.get("/v1/payments", { key: createKey("secret", "live") }))).toBe("401 unauthorized");
  });

  it("takes a key that was made a moment ago, without a restart", async () => {
    const merchant = await server.merchant("new-shop");
    expect((await server.get("/v1/payments", { key: merchant.secret })).json).toEqual({ payments: [], next: null });
  });
});

describe("in live mode", () => {
  let server: TestServer;

  beforeAll(async () => {
    server = await TestServer.start({ PAYBELL_MODE: "live" });
  });
  afterAll(() => server.stop());

  it("refuses the sandbox's keys, even where somebody has put them into the database", async () => {
    await withDatabase(server.config, async ({ merchants }) => {
      await merchants.createMerchant({ id: "careless", name: "Careless", createdAtMs: 0, xpubs: {} });
      for (const [kind, key] of [
        ["secret", SANDBOX_SECRET_KEY],
        ["publishable", SANDBOX_PUBLISHABLE_KEY],
      ] as const) {
        await merchants.createKey(keyRow(key, { merchantId: "careless", kind, createdAtMs: 0 }));
      }
    });
    for (const key of [SANDBOX_SECRET_KEY, SANDBOX_PUBLISHABLE_KEY]) {
      expect(codeOf(await server.get(`/v1/payments/${ID}`, { key }))).toBe("401 unauthorized");
    }
  });

  it("has no sandbox calls", async () => {
    const { secret } = await server.merchant("shop");
    const body = { paymentId: ID };
    expect(codeOf(await server.post("/v1/sandbox/pay", body, { key: secret }))).toBe("403 sandbox_only");
    expect(codeOf(await server.post("/v1/sandbox/mine", { blocks: 1 }, { key: secret }))).toBe("403 sandbox_only");
    expect(codeOf(await server.post("/v1/payments", PAYMENT, { key: secret }))).toBe("422 not_supported");
  });

  it("shows metrics to holders of a secret key only", async () => {
    const { secret, publishable } = await server.merchant("operator");
    expect(codeOf(await server.get("/metrics", { key: null }))).toBe("401 unauthorized");
    expect(codeOf(await server.get("/metrics", { key: publishable }))).toBe("403 forbidden");
    expect((await server.get("/metrics", { key: secret })).status).toBe(200);
  });
});

describe("keys", () => {
  it("have one length, say their kind and mode, and never repeat", () => {
    const keys = (["secret", "publishable"] as const).flatMap((kind) =>
      (["live", "sandbox"] as const).flatMap((mode) =>
        Array.from({ length: 200 }, () => {
          const key = createKey(kind, mode);
          expect(key).toHaveLength(KEY_LENGTH);
          expect(parseKey(key)).toMatchObject({ kind, mode });
          return key;
        }),
      ),
    );
    expect(new Set(keys).size).toBe(keys.length);
  });

  it("are stored as a hash and a hint that gives nothing away", () => {
    const key = createKey("secret", "live");
    const row = keyRow(key, { merchantId: "m", kind: "secret", createdAtMs: 1 });
    expect(row).toMatchObject({ hash: hashKey(key), hint: key.slice(0, "sk_live_".length + 4), revokedAtMs: null });
    expect(JSON.stringify(row)).not.toContain(key);
  });

  it.each(["", "sk_live_", "sk_test_abc", "SK_live_abc", "sk_live_a-b", "sk_live_abc ", "xx_live_abc"])(
    "do not look like %j",
    (text) => {
      expect(parseKey(text)).toBeNull();
    },
  );
});

describe("the authenticator", () => {
  let server: TestServer;

  beforeAll(async () => {
    server = await TestServer.start();
  });
  afterAll(() => server.stop());

  const authenticator = (
    merchants: ConstructorParameters<typeof KeyAuthenticator>[0]["merchants"],
    clock: ManualClock,
  ) => new KeyAuthenticator({ merchants, clock, mode: "sandbox", hosts: { "Shop.example": "hosted" } });

  it("refuses a revoked key once the time for which it is remembered is over", async () => {
    const { secret, rows } = await server.merchant("revoked");
    await withDatabase(server.config, async ({ merchants }) => {
      const clock = new ManualClock(0);
      const subject = authenticator(merchants, clock);
      expect(await subject.callerOf(secret)).toMatchObject({ merchantId: "revoked", kind: "secret" });
      expect(await merchants.revokeKey(rows[0]?.id ?? "", 0)).toBe(true);
      clock.advance(KEY_CACHE_TTL_MS);
      expect(await subject.callerOf(secret)).toBeNull();
    });
  });

  it("finds the merchant of a request without a key by host, by publishable key, or because there is only one", async () => {
    const alone = await TestServer.start();
    await withDatabase(alone.config, async ({ merchants }) => {
      const clock = new ManualClock(0);
      const subject = authenticator(merchants, clock);
      const merchantOf = (host: string | undefined, publishableKey: string | null = null) =>
        subject.merchantOf({ host, publishableKey });
      expect(await merchantOf(undefined)).toBe("sandbox");
      await merchants.createMerchant({ id: "hosted", name: "Hosted", createdAtMs: 0, xpubs: {} });
      clock.advance(KEY_CACHE_TTL_MS);
      expect(await merchantOf("other.example")).toBeNull();
      expect(await merchantOf("SHOP.example:8000")).toBe("hosted");
      expect(await merchantOf("other.example", SANDBOX_PUBLISHABLE_KEY)).toBe("sandbox");
      expect(await merchantOf("shop.example", SANDBOX_PUBLISHABLE_KEY)).toBeNull();
      expect(await merchantOf("other.example", SANDBOX_SECRET_KEY)).toBeNull();
      expect(await merchantOf("shop.example", "pk_sandbox_unknown")).toBeNull();
    });
    await alone.stop();
  });

  it("seeds the sandbox's merchant and keys once", async () => {
    await withDatabase(server.config, async ({ merchants }) => {
      const before = await merchants.keys("sandbox");
      await seedSandbox(merchants, systemClock);
      expect(await merchants.keys("sandbox")).toEqual(before);
      expect(before.map(({ hash }) => hash).sort()).toEqual(
        [hashKey(SANDBOX_SECRET_KEY), hashKey(SANDBOX_PUBLISHABLE_KEY)].sort(),
      );
    });
  });
});
