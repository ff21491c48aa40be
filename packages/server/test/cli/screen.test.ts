import { EventEmitter } from "node:events";
import { describe, expect, it } from "vitest";
import { formatAmount, tailLine } from "../../src/cli/live-tail.ts";
import { createLogger, redactIds } from "../../src/cli/logger.ts";
import { PROTOCOL_PATHS } from "../../src/cli/protocol-paths.ts";
import { startScreen } from "../../src/cli/start-screen.ts";
import { stopOnSignals } from "../../src/cli/stop-on-signals.ts";
import type { LogRecord } from "../../src/log/event-log.ts";
import { ManualClock } from "../../testkit/manual-clock.ts";
import { until } from "../../testkit/until.ts";

const ID = "1a2b3c4d-5e6f-4a1b-8c2d-3e4f5a6b7c8d";
const ESCAPE = "\u001b[";

const record = (type: LogRecord["type"], payment: object | null = {}): LogRecord =>
  ({
    offset: 1,
    id: "evt_1",
    type,
    merchantId: "m",
    paymentId: payment === null ? null : ID,
    sequence: payment === null ? null : 1,
    atMs: Date.UTC(2026, 0, 1, 12, 34, 56),
    data: {
      payment: payment && {
        id: ID,
        status: "confirming",
        amount: "1500000",
        received: "7",
        decimals: 6,
        asset: "SBX",
        confirmations: 1,
        confirmationsRequired: 2,
        ...payment,
      },
      transfers: [],
    },
    topics: [],
  }) as unknown as LogRecord;

describe("the live tail", () => {
  const plain = tailLine({ colours: false, redactIds: false });

  it("shows time, event, payment, amount, status and confirmations", () => {
    expect(
      plain(record("payment.confirmation"))
        .trim()
        .split(/\s{2,}/),
    ).toEqual(["12:34:56", "payment.confirmation", "1a2b3c4d", "1.5 SBX", "confirming", "1/2"]);
  });

  it("shows what came in of a standing payment, and what fits no payment", () => {
    expect(plain(record("transfer.seen", { amount: null }))).toContain("0.000007 SBX");
    expect(
      plain(record("transfer.unattributed", null))
        .trim()
        .split(/\s{2,}/),
    ).toEqual(["12:34:56", "transfer.unattributed", "-"]);
  });

  it("has no colours unless asked", () => {
    expect(plain(record("payment.paid"))).not.toContain(ESCAPE);
    expect(tailLine({ colours: true, redactIds: false })(record("payment.paid"))).toContain(ESCAPE);
  });

  it("shows nothing of a payment's id outside the sandbox, and still tells payments apart", () => {
    const redacted = tailLine({ colours: false, redactIds: true });
    const line = redacted(record("payment.paid"));
    for (const part of ID.split("-")) expect(line).not.toContain(part);
    expect(redacted(record("payment.paid"))).toBe(line);
    expect(line).toMatch(/#[0-9a-f]{6}/);
  });

  it.each([
    ["1500000", 6, "1.5"],
    ["1", 8, "0.00000001"],
    ["100000000", 8, "1"],
    ["0", 6, "0"],
    ["42", 0, "42"],
    ["123456789012345678901234567890", 18, "123456789012.34567890123456789"],
  ])("writes %s with %i decimals as %s", (atomic, decimals, text) => {
    expect(formatAmount(atomic, decimals)).toBe(text);
  });
});

describe("the start screen", () => {
  const screen = (
    mode: "sandbox" | "live",
    chains: Parameters<typeof startScreen>[0]["chains"] = [],
    databaseUrl: string | null = null,
  ) =>
    startScreen({
      chains,
      version: "1.2.3",
      config: { mode, dataDir: "/data", databaseUrl },
      url: "http://127.0.0.1:8000",
      protocols: PROTOCOL_PATHS,
      colours: false,
    });

  it("shows which database, without its password", () => {
    const text = screen("live", [], "postgres://paybell:secret@db.example:5432/shop");
    expect(text).toContain("postgres://paybell:***@db.example:5432/shop");
    expect(text).not.toContain("/data");
  });

  it("shows where everything is", () => {
    const text = screen("sandbox");
    for (const part of [
      "Paybell 1.2.3",
      "sandbox",
      "http://127.0.0.1:8000",
      "/data",
      "sk_sandbox_paybell",
      "pk_sandbox_paybell",
      "ws://127.0.0.1:8000/v1/stream",
      "http://127.0.0.1:8000/v1/payments/{id}/events",
      "http://127.0.0.1:8000/v1/events",
      "ws://127.0.0.1:8000/payment/{address}",
      "Events appear below",
    ]) {
      expect(text).toContain(part);
    }
    expect(text).not.toContain(ESCAPE);
  });

  it("shows no keys and no simulated payment in live mode", () => {
    expect(screen("live")).not.toMatch(/sk_|pk_|curl/);
  });

  it("says in live mode which chains are watched, and which are not and why", () => {
    const chains = [
      { chain: "bitcoin", problem: null },
      { chain: "testcoin", problem: "the node does not answer" },
    ];
    expect(screen("live", chains)).toMatch(
      /Chain +bitcoin\n.*Chain +testcoin is not watched: the node does not answer/,
    );
    expect(screen("live")).toContain("none is watched");
  });
});

describe("the log", () => {
  it("carries no payment's id, wherever it stands, and keeps request ids", () => {
    const lines: string[] = [];
    const logger = createLogger("info", { write: (line) => void lines.push(line) });
    logger.info({ url: `/v1/payments/${ID}`, nested: { [ID]: 1 }, reqId: `req_${ID}` }, `payment ${ID}`);
    logger.error({ err: new Error(`no payment ${ID.toUpperCase()}`) });
    const text = lines.join("");
    expect(text.split(ID)).toHaveLength(2);
    expect(text).toContain(`req_${ID}`);
    expect(text.toLowerCase().split(ID)).toHaveLength(2);
    expect(text).toContain("payment [redacted]");
  });

  it("leaves other text alone", () => {
    expect(redactIds("evt_1 0123-4567 key_x")).toBe("evt_1 0123-4567 key_x");
  });
});

describe("Ctrl-C", () => {
  const started = (stop: () => Promise<void>, boundMs = 60_000) => {
    const signals = new EventEmitter();
    const exits: number[] = [];
    const said: string[] = [];
    const warned: string[] = [];
    const clock = new ManualClock(0);
    stopOnSignals({
      signals,
      stop,
      progress: () => "2 clients still to be told",
      boundMs,
      exit: (code) => exits.push(code),
      say: (text) => said.push(text),
      warn: (text) => warned.push(text),
      onError: () => {},
      clock,
      progressEveryMs: 5,
    });
    return { signals, exits, said, warned, clock };
  };
  const settled = () => new Promise((resolve) => setImmediate(resolve));

  it("drains, then ends with 0", async () => {
    let stops = 0;
    const { signals, exits } = started(async () => {
      stops += 1;
    });
    signals.emit("SIGTERM");
    expect(exits).toEqual([]);
    await settled();
    expect([stops, exits]).toEqual([1, [0]]);
  });

  it.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ])("once more (%s) ends at once, and says so", (signal, code) => {
    const { signals, exits, said, warned, clock } = started(() => new Promise(() => {}));
    signals.emit("SIGTERM");
    clock.advance(1_000);
    signals.emit(signal);
    expect(exits).toEqual([code]);
    expect(said.at(-1)).toContain("Ended at once");
    expect(warned).toEqual(["a second signal ended the server at once: 2 clients still to be told"]);
  });

  it("says how far it is while it takes long, and no more when it is over", async () => {
    let finish = () => {};
    const stopped = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const { signals, exits, said } = started(() => stopped);
    signals.emit("SIGTERM");
    await until("two lines of progress", () => said.length >= 3);
    expect(said[1]).toBe("  Stopping: 2 clients still to be told.\n");
    finish();
    await until("the end", () => exits.length === 1);
    const lines = said.length;
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect([exits, said.length]).toEqual([[0], lines]);
  });

  it("ends with 0 and a word in the log when the time is over, whatever hangs", async () => {
    const { signals, exits, warned } = started(() => new Promise(() => {}), 20);
    signals.emit("SIGTERM");
    await until("the end", () => exits.length === 1);
    expect(exits).toEqual([0]);
    expect(warned).toEqual(["the server did not stop within 20 ms, and ends now: 2 clients still to be told"]);
  });

  it("that npm passes on as a second signal is one", () => {
    const { signals, exits, clock } = started(() => new Promise(() => {}));
    signals.emit("SIGINT");
    clock.advance(5);
    signals.emit("SIGINT");
    expect(exits).toEqual([]);
  });

  it("ends with 1 when draining fails", async () => {
    const { signals, exits } = started(() => Promise.reject(new Error("stuck")));
    signals.emit("SIGINT");
    await settled();
    expect(exits).toEqual([1]);
  });
});
