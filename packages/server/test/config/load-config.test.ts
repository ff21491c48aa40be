import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { ConfigError, type ConfigProblem } from "../../src/config/config-error.ts";
import { loadConfig } from "../../src/config/load-config.ts";
import { SANDBOX_PUSHER_APP } from "../../src/config/pusher.ts";
import { SETTINGS } from "../../src/config/settings.ts";
import { defaultLimits } from "../../src/kit/limits.ts";

let cwd: string;

beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), "paybell-config-"));
});
afterAll(() => rmSync(cwd, { recursive: true }));

const write = (content: unknown, name = "paybell.config.json") =>
  writeFileSync(join(cwd, name), typeof content === "string" ? content : JSON.stringify(content));

const load = (environment: Record<string, string> = {}, flags: Record<string, string> = {}, configFile?: string) =>
  loadConfig({ configFile: configFile ?? null, environment, flags, cwd });

function problemsOf(environment: Record<string, string> = {}, flags: Record<string, string> = {}, file?: string) {
  try {
    load(environment, flags, file);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [] as readonly ConfigProblem[];
}

beforeEach(() => write({}));

const bitcoin = { kind: "bitcoin", network: "regtest", rpcUrl: "http://127.0.0.1:18443" };

describe("precedence", () => {
  it("takes the defaults where nothing is said", () => {
    expect(load()).toEqual({
      mode: "sandbox",
      host: "127.0.0.1",
      port: 8000,
      dataDir: join(cwd, ".paybell"),
      databaseUrl: null,
      redisUrl: null,
      redisPrefix: "paybell",
      tls: null,
      allowedOrigins: [],
      trustProxy: [],
      logLevel: "warn",
      sandboxPublic: false,
      sandboxBlockMs: 0,
      limits: defaultLimits,
      chains: {},
      hosts: {},
      defaults: { expiresInSeconds: 3600, monitoringSeconds: 86_400 },
      replayWindowMs: 3_600_000,
      drain: { noticeMs: 0, spreadMs: 1_000 },
      identipay: null,
      pusher: { apps: [SANDBOX_PUSHER_APP] },
    });
  });

  it("lets the environment win over the file, and the command line over both", () => {
    write({ port: 1001, host: "127.0.0.2", logLevel: "error" });
    expect(load({ PAYBELL_PORT: "1002", PAYBELL_HOST: "127.0.0.3" }, { port: "1003" })).toMatchObject({
      port: 1003,
      host: "127.0.0.3",
      logLevel: "error",
    });
  });

  it("counts an empty variable as none", () => {
    expect(load({ PAYBELL_PORT: "" }).port).toBe(8000);
  });

  it("reads every kind of value from the environment", () => {
    const config = load({
      PAYBELL_MODE: "live",
      PAYBELL_HOST: "0.0.0.0",
      PAYBELL_TLS_CERT: "cert.pem",
      PAYBELL_TLS_KEY: "/etc/key.pem",
      PAYBELL_ALLOWED_ORIGINS: "https://shop.example, http://localhost:5173",
      PAYBELL_TRUST_PROXY: "10.0.0.0/8,::1",
      PAYBELL_SANDBOX_BLOCK_MS: "250",
    });
    expect(config).toMatchObject({
      mode: "live",
      host: "0.0.0.0",
      tls: { certFile: join(cwd, "cert.pem"), keyFile: "/etc/key.pem" },
      allowedOrigins: ["https://shop.example", "http://localhost:5173"],
      trustProxy: ["10.0.0.0/8", "::1"],
      sandboxBlockMs: 250,
    });
  });

  it("logs requests in live mode and leaves the screen to the events in the sandbox", () => {
    expect(load({ PAYBELL_MODE: "live" }).logLevel).toBe("info");
    expect(load({ PAYBELL_LOG_LEVEL: "debug" }).logLevel).toBe("debug");
  });

  it("takes its time at the end where there are other nodes, unless it is told otherwise", () => {
    const url = "postgres://paybell@127.0.0.1/paybell";
    const live = { PAYBELL_MODE: "live" };
    expect(load(live).drain).toEqual({ noticeMs: 0, spreadMs: 1_000 });
    expect(load({ PAYBELL_DATABASE_URL: url }).drain).toEqual({ noticeMs: 0, spreadMs: 1_000 });
    expect(load({ ...live, PAYBELL_DATABASE_URL: url }).drain).toEqual({ noticeMs: 5_000, spreadMs: 10_000 });
    write({ drainNoticeMs: 0, drainMs: 250 });
    expect(load({ ...live, PAYBELL_DATABASE_URL: url }).drain).toEqual({ noticeMs: 0, spreadMs: 250 });
  });

  it("changes single limits and leaves the others", () => {
    write({ limits: { bodyBytes: 1000 } });
    expect(load().limits).toEqual({ ...defaultLimits, bodyBytes: 1000 });
  });

  it("reads the file that --config names", () => {
    write({ port: 1004 }, "other.json");
    expect(load({}, {}, "other.json").port).toBe(1004);
  });
});

describe("what stops the start", () => {
  it("names an unknown key of the file and what was probably meant", () => {
    write({ prot: 80, limits: { conections: 1 } });
    expect(problemsOf()).toEqual([
      { where: "paybell.config.json: prot", what: "there is no such setting", whatToDo: 'Did you mean "port"?' },
      {
        where: "paybell.config.json: limits.conections",
        what: "there is no such setting",
        whatToDo: 'Did you mean "connections"?',
      },
    ]);
  });

  it("names an unknown variable and what was probably meant, and lists all where nothing is near", () => {
    const [near, far] = problemsOf({ PAYBELL_PRT: "1", PAYBELL_SOMETHING_ELSE: "1" });
    expect(near).toMatchObject({ where: "environment: PAYBELL_PRT", whatToDo: "Did you mean PAYBELL_PORT?" });
    expect(far?.whatToDo).toContain("PAYBELL_DATA_DIR");
  });

  it("does not look at variables of others", () => {
    expect(problemsOf({ PORT: "x", PAYBELLX: "1" })).toEqual([]);
  });

  it.each([
    [{ PAYBELL_PORT: "80x" }, "environment: PAYBELL_PORT"],
    [{ PAYBELL_PORT: "65536" }, "environment: PAYBELL_PORT"],
    [{ PAYBELL_PORT: "-1" }, "environment: PAYBELL_PORT"],
    [{ PAYBELL_PORT: "1e3" }, "environment: PAYBELL_PORT"],
    [{ PAYBELL_MODE: "prod" }, "environment: PAYBELL_MODE"],
    [{ PAYBELL_ALLOWED_ORIGINS: "https://a.example/path" }, "environment: PAYBELL_ALLOWED_ORIGINS"],
    [{ PAYBELL_ALLOWED_ORIGINS: "*" }, "environment: PAYBELL_ALLOWED_ORIGINS"],
    [{ PAYBELL_TRUST_PROXY: "10.0.0.0/33" }, "environment: PAYBELL_TRUST_PROXY"],
    [{ PAYBELL_TRUST_PROXY: "true" }, "environment: PAYBELL_TRUST_PROXY"],
    [{ PAYBELL_SANDBOX_PUBLIC: "yes" }, "environment: PAYBELL_SANDBOX_PUBLIC"],
    [{ PAYBELL_TLS_CERT: "cert.pem" }, "environment: PAYBELL_TLS_CERT"],
    [{ PAYBELL_TLS_KEY: "key.pem" }, "environment: PAYBELL_TLS_KEY"],
  ])("refuses %j and says where it stands and what is allowed", (environment, where) => {
    const problems = problemsOf(environment as Record<string, string>);
    expect(problems).toHaveLength(1);
    expect(problems[0]?.where).toBe(where);
    expect(problems[0]?.whatToDo).not.toBe("");
  });

  it("refuses a wrong type in the file instead of converting it", () => {
    write({ port: "8000", allowedOrigins: "https://a.example" });
    expect(problemsOf().map(({ where }) => where)).toEqual([
      "paybell.config.json: port",
      "paybell.config.json: allowedOrigins",
    ]);
  });

  it("refuses Redis beside SQLite, where one process needs no bus", () => {
    const problems = problemsOf({ PAYBELL_REDIS_URL: "redis://x" });
    expect(problems.map(({ where }) => where)).toEqual(["environment: PAYBELL_REDIS_URL"]);
    expect(problems[0]?.what).toContain("one process");
    expect(problems[0]?.whatToDo).toContain("PAYBELL_DATABASE_URL");
  });

  it.each(["http://x", "redis://", "redis://x/y", "redis://u:50%secret@x"])("takes no %s for Redis", (url) => {
    const problems = problemsOf({ PAYBELL_REDIS_URL: url, PAYBELL_DATABASE_URL: "postgres://host/shop" });
    expect(problems.map(({ where }) => where)).toEqual(["environment: PAYBELL_REDIS_URL"]);
    expect(JSON.stringify(problems)).not.toContain("secret");
  });

  it.each(["redis://x", "rediss://user:p%40ss@[::1]:6380/2"])("takes %s for Redis beside PostgreSQL", (redisUrl) => {
    const environment = { PAYBELL_REDIS_URL: redisUrl, PAYBELL_DATABASE_URL: "postgres://host/shop" };
    expect(load(environment)).toMatchObject({ redisUrl, redisPrefix: "paybell" });
  });

  it("takes the address of a PostgreSQL database, and no other", () => {
    const [problem, ...others] = problemsOf({ PAYBELL_DATABASE_URL: "mysql://user:secret@host/shop" });
    expect(problem?.where).toBe("environment: PAYBELL_DATABASE_URL");
    expect(problem?.whatToDo).toContain("postgres://user:password@host:5432/database");
    expect(others).toEqual([]);
    expect(JSON.stringify(problem)).not.toContain("secret");
    const databaseUrl = "postgresql://user:p%40ss@host/shop";
    expect(load({ PAYBELL_DATABASE_URL: databaseUrl })).toMatchObject({ databaseUrl });
  });

  it("refuses a file that is not JSON, not an object, or not there", () => {
    write("{ // comment");
    expect(problemsOf()[0]?.what).toContain("not JSON");
    write([]);
    expect(problemsOf()[0]?.what).toContain("no JSON object");
    expect(problemsOf({}, {}, "missing.json")[0]).toMatchObject({
      where: "missing.json",
      what: "there is no such file",
    });
  });

  it("tells everything at once", () => {
    write({ port: "x", hots: {} });
    expect(problemsOf({ PAYBELL_MODE: "x", PAYBELL_FOO: "1" })).toHaveLength(4);
  });
});

describe("limits that only make sense together", () => {
  it.each([
    [{ handshakeTimeoutMs: 30_001 }, "limits.handshakeTimeoutMs", "requestTimeoutMs"],
    [{ longPollMs: 120_000 }, "limits.longPollMs", "responseTimeoutMs"],
    [{ pingIntervalMs: 120_000 }, "limits.pingIntervalMs", "responseTimeoutMs"],
  ])("refuses %j and names both", (limits, where, other) => {
    write({ limits });
    const [problem] = problemsOf();
    expect(problem?.where).toContain(where);
    expect(problem?.what).toContain(other);
  });

  it("takes them at their edge", () => {
    write({ limits: { handshakeTimeoutMs: 30_000, longPollMs: 119_999, pingIntervalMs: 119_999 } });
    expect(load().limits).toMatchObject({ handshakeTimeoutMs: 30_000, longPollMs: 119_999 });
  });
});

describe("the sandbox", () => {
  it("listens on loopback only", () => {
    expect(problemsOf({ PAYBELL_HOST: "0.0.0.0" })[0]).toMatchObject({ where: "environment: PAYBELL_HOST" });
    expect(problemsOf({}, { host: "192.0.2.1" })[0]).toMatchObject({ where: "--host" });
    for (const host of ["localhost", "127.0.0.5", "::1"]) expect(load({ PAYBELL_HOST: host }).host).toBe(host);
  });

  it("listens elsewhere when that was asked for by name", () => {
    expect(load({ PAYBELL_HOST: "0.0.0.0", PAYBELL_SANDBOX_PUBLIC: "1" }).host).toBe("0.0.0.0");
  });
});

describe("chains", () => {
  it("fills in the defaults of each kind", () => {
    write({ chains: { bitcoin, tron: { kind: "external", assets: [{ symbol: "USDT", decimals: 6 }] } } });
    expect(load().chains).toEqual({
      bitcoin: {
        ...bitcoin,
        rpcUser: null,
        rpcPassword: null,
        rpcCookieFile: null,
        zmq: null,
        pollIntervalMs: 5000,
        confirmations: 2,
        finalConfirmations: 6,
      },
      tron: { kind: "external", assets: [{ symbol: "USDT", decimals: 6 }], confirmations: 2, finalConfirmations: 6 },
    });
  });

  it("makes the path of the cookie file absolute", () => {
    write({ chains: { bitcoin: { ...bitcoin, rpcCookieFile: "node/.cookie" } } });
    expect(load().chains.bitcoin).toMatchObject({ rpcCookieFile: join(cwd, "node/.cookie") });
  });

  it.each([
    ["an unknown kind", { kind: "bitcion" }, "chains.a.kind"],
    [
      "a key of another kind",
      { kind: "external", assets: [{ symbol: "X", decimals: 0 }], rpcUrl: "http://x" },
      "chains.a.rpcUrl",
    ],
    ["no kind", {}, "chains.a.kind"],
    ["fewer confirmations for final than for paid", { ...bitcoin, confirmations: 9 }, "chains.a.finalConfirmations"],
    ["a user without a password", { ...bitcoin, rpcUser: "u" }, "chains.a.rpcUser"],
    ["half of ZMQ", { ...bitcoin, zmq: { rawtx: "tcp://127.0.0.1:1" } }, "chains.a.zmq.sequence"],
  ])("refuses %s", (_what, chain, where) => {
    write({ chains: { a: chain } });
    expect(problemsOf().map((problem) => problem.where)).toEqual([`paybell.config.json: ${where}`]);
  });

  it("keeps the simulated chain's name for it, and refuses odd names", () => {
    write({ chains: { sandbox: bitcoin } });
    expect(problemsOf()[0]?.where).toBe("paybell.config.json: chains.sandbox");
    write({ chains: { "Bit coin": bitcoin } });
    expect(problemsOf()[0]).toMatchObject({
      where: "paybell.config.json: chains.Bit coin",
      what: "the name is not allowed",
    });
  });

  it("does not show a password that is wrong", () => {
    write({ chains: { a: { ...bitcoin, rpcUser: "u", rpcPassword: 12345 } } });
    expect(JSON.stringify(problemsOf())).not.toContain("12345");
  });
});

it("names exactly the variables of the design", () => {
  expect(SETTINGS.flatMap(({ environment }) => environment ?? []).sort()).toEqual(
    [
      "PAYBELL_MODE",
      "PAYBELL_HOST",
      "PAYBELL_PORT",
      "PAYBELL_DATA_DIR",
      "PAYBELL_DATABASE_URL",
      "PAYBELL_REDIS_URL",
      "PAYBELL_TLS_CERT",
      "PAYBELL_TLS_KEY",
      "PAYBELL_ALLOWED_ORIGINS",
      "PAYBELL_TRUST_PROXY",
      "PAYBELL_LOG_LEVEL",
      "PAYBELL_SANDBOX_BLOCK_MS",
      "PAYBELL_SANDBOX_PUBLIC",
    ].sort(),
  );
});
