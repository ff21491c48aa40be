import { afterEach, describe, expect, it } from "vitest";
import { METRICS, type MetricSpec } from "../../src/http/metric-table.ts";
import { Metrics } from "../../src/http/metrics.ts";
import type { LogRecord } from "../../src/log/event-log.ts";
import { ManualClock } from "../../testkit/manual-clock.ts";
import { TestClient } from "../../testkit/transport-server.ts";
import { until } from "../../testkit/until.ts";
import { TestServer } from "../http/harness.ts";

const ends: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

function make() {
  const clock = new ManualClock(1_000_000);
  const errors: unknown[] = [];
  const metrics = new Metrics({ clock, onError: (error) => errors.push(error) });
  ends.push(() => metrics.close());
  return { clock, errors, metrics };
}

async function startServer(file: object = {}): Promise<TestServer> {
  const server = await TestServer.start({}, file);
  ends.push(() => server.stop());
  return server;
}

/** Series with its labels → value. */
async function scrape(source: TestServer | Metrics): Promise<Map<string, number>> {
  const text = source instanceof Metrics ? await source.render() : (await source.get("/metrics")).text;
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.slice(line.lastIndexOf(" ")))]),
  );
}

describe("/metrics", () => {
  it("has every metric of the table under its name, type and meaning", async () => {
    const { text } = await (await startServer()).get("/metrics");
    for (const [name, { type, help }] of Object.entries<MetricSpec>(METRICS)) {
      expect(text).toContain(`# TYPE ${name} ${type}\n`);
      expect(text).toContain(`# HELP ${name} ${help}\n`);
    }
    const named = [...text.matchAll(/^# TYPE (\S+)/gm)].map((match) => match[1]);
    expect(named.sort()).toEqual(Object.keys(METRICS).sort());
  });

  it("uses units as Prometheus does: seconds and bytes, counters end in _total", () => {
    for (const [name, { type }] of Object.entries<MetricSpec>(METRICS)) {
      expect(name).not.toMatch(/_(ms|milliseconds|minutes|kb|mb)$/);
      expect(name.endsWith("_total")).toBe(type === "counter");
    }
  });

  it("follows payments through their statuses", async () => {
    const server = await startServer();
    const { id } = await server.payment();
    await server.payment();
    const erased = await server.payment();
    await server.call("DELETE", `/v1/payments/${erased.id}`);
    await server.post("/v1/sandbox/pay", { paymentId: id });
    const before = await scrape(server);
    const statuses = ["pending", "confirming", "paid", "cancelled"];
    expect(statuses.map((status) => before.get(`paybell_payments{status="${status}"}`))).toEqual([1, 1, 0, 0]);
    await server.post("/v1/sandbox/mine", { blocks: 2 });
    const after = await scrape(server);
    expect(after.get('paybell_payments{status="confirming"}')).toBe(0);
    expect(after.get('paybell_payments{status="paid"}')).toBe(1);
    expect(after.get('paybell_events_total{type="payment.paid"}')).toBe(1);
  });

  it("tells how long a block takes to reach those who follow a payment, and counts nothing that nobody follows", async () => {
    const server = await startServer();
    const { id } = await server.payment();
    await server.post("/v1/sandbox/pay", { paymentId: id });
    const unheard = await scrape(server);
    expect(unheard.get("paybell_ingest_to_frame_seconds_count")).toBe(0);
    const client = new TestClient(`${server.url.replace("http", "ws")}/v1/stream`, {});
    ends.push(() => client.terminate());
    await client.opened;
    client.send({ type: "subscribe", topic: `payment:${id}` });
    await until("the snapshot", () => client.received.length >= 2);
    await server.post("/v1/sandbox/mine", { blocks: 2 });
    await until("the last event", () => client.received.some((text) => text.includes('"payment.paid"')));
    const heard = await scrape(server);
    const frames = client.messages.filter(({ type }) => type === "event").length;
    expect(heard.get("paybell_ingest_to_frame_seconds_count")).toBe(frames);
    expect(heard.get('paybell_block_to_frame_seconds_count{chain="sandbox"}')).toBe(frames);
    expect(heard.get('paybell_connections{protocol="native"}')).toBe(1);
    expect(heard.get("paybell_topics")).toBe(1);
    expect(heard.get('paybell_chain_head_height{chain="sandbox"}')).toBe(2);
    expect(heard.get('paybell_chain_lag_blocks{chain="sandbox"}')).toBe(0);
    expect(heard.get('paybell_chain_lag_seconds{chain="sandbox"}')).toBeLessThan(60);
    expect(heard.get("paybell_commit_commands_count")).toBeGreaterThan(0);
  });

  it("counts who was refused and who was dropped, by reason", async () => {
    const server = await startServer({ limits: { connections: 1, messagesPerSecond: 1 } });
    const url = `${server.url.replace("http", "ws")}/v1/stream`;
    const client = new TestClient(url, {});
    await client.opened;
    await expect(new TestClient(url, {}).opened).rejects.toThrow("503");
    for (let sent = 0; sent < 3; sent += 1) client.send({ type: "ping" });
    expect((await client.closed).code).toBe(4108);
    const counted = await scrape(server);
    expect(counted.get('paybell_connections_refused_total{reason="too_many_connections"}')).toBe(1);
    expect(counted.get('paybell_connections_ended_total{reason="rate_limited"}')).toBe(1);
  });
});

describe("the figures", () => {
  const record = (transfers: object[], atMs: number) =>
    ({ type: "payment.paid", atMs, data: { payment: { chain: "bitcoin" }, transfers } }) as unknown as LogRecord;

  it("count a block's delay from when it was noticed, for what it holds and for what it confirms", async () => {
    const { clock, metrics } = make();
    metrics.noticeBlock("bitcoin", 7, clock.nowMs());
    clock.advance(40);
    metrics.observeDelivery(record([{ blockHeight: 7, confirmations: 1 }], clock.nowMs() - 10));
    metrics.observeDelivery(record([{ blockHeight: 5, confirmations: 3 }], clock.nowMs() - 10));
    // In the mempool; in a block of another height; on another chain.
    metrics.observeDelivery(record([{ blockHeight: null, confirmations: 0 }], clock.nowMs()));
    metrics.observeDelivery(record([{ blockHeight: 6, confirmations: 1 }], clock.nowMs()));
    const series = await scrape(metrics);
    expect(series.get('paybell_block_to_frame_seconds_count{chain="bitcoin"}')).toBe(2);
    expect(series.get('paybell_block_to_frame_seconds_sum{chain="bitcoin"}')).toBeCloseTo(0.08);
    expect(series.get("paybell_ingest_to_frame_seconds_count")).toBe(4);
    expect(series.get("paybell_ingest_to_frame_seconds_sum")).toBeCloseTo(0.02);
  });

  it("remember a bounded number of blocks, the latest", async () => {
    const { clock, metrics } = make();
    for (let height = 0; height < 1_000; height += 1) metrics.noticeBlock("bitcoin", height, clock.nowMs());
    metrics.observeDelivery(record([{ blockHeight: 0, confirmations: 1 }], 0));
    metrics.observeDelivery(record([{ blockHeight: 999, confirmations: 1 }], 0));
    const series = await scrape(metrics);
    expect(series.get('paybell_block_to_frame_seconds_count{chain="bitcoin"}')).toBe(1);
  });

  it("are shown without the one whose source fails, and the operator is told", async () => {
    const { errors, metrics } = make();
    metrics.read({ payments: () => Promise.reject(new Error("locked")), sockets: () => 3 });
    const series = await scrape(metrics);
    expect([...series.keys()].filter((name) => name.startsWith("paybell_payments"))).toEqual([]);
    expect(series.get("paybell_sockets")).toBe(3);
    expect(errors.map(String)).toEqual(["Error: locked"]);
  });

  it("leave out what is not known: a node without a head, a chain that was not yet watched", async () => {
    const { clock, metrics } = make();
    const role = "leader" as const;
    const chain = { chain: "bitcoin", role, connected: false, headHeight: null, lagBlocks: null, problem: "down" };
    metrics.read({ chains: () => [{ ...chain, watchedUntilMs: null }] });
    expect([...(await scrape(metrics)).keys()].filter((name) => name.startsWith("paybell_chain"))).toEqual([
      'paybell_chain_leader{chain="bitcoin"}',
      'paybell_chain_connected{chain="bitcoin"}',
    ]);
    metrics.read({ chains: () => [{ ...chain, watchedUntilMs: clock.nowMs() - 2_500 }] });
    expect((await scrape(metrics)).get('paybell_chain_lag_seconds{chain="bitcoin"}')).toBe(2.5);
  });

  it("of a chain that another node watches say that alone, and all of it when it is this one's turn", async () => {
    const { metrics } = make();
    const status = { chain: "bitcoin", connected: true, headHeight: 7, lagBlocks: 1, problem: null, watchedUntilMs: 1 };
    const chains = async (role: "leader" | "standby") => {
      metrics.read({ chains: () => [{ ...status, role }] });
      return [...(await scrape(metrics))].filter(([name]) => name.startsWith("paybell_chain"));
    };
    expect(await chains("standby")).toEqual([['paybell_chain_leader{chain="bitcoin"}', 0]]);
    const led = await chains("leader");
    expect(led[0]).toEqual(['paybell_chain_leader{chain="bitcoin"}', 1]);
    expect(led).toHaveLength(5);
    expect(await chains("standby")).toHaveLength(1);
  });

  it("tell how the endpoints of a chain stand, by reason and never by name", async () => {
    const { metrics } = make();
    const none = { failed: 0, rate_limited: 0, stalled: 0, unfit: 0, blocks_missing: 0, stale: 0 };
    const endpoint = { name: "https://secret.example", current: false, problem: null, headHeight: 7, failures: none };
    const endpoints = [
      { ...endpoint, current: true, failures: { ...none, stale: 1 } },
      endpoint,
      { ...endpoint, problem: "down", failures: { ...none, failed: 2, rate_limited: 1 } },
    ];
    const role = "leader" as const;
    const status = { role, connected: true, headHeight: 7, lagBlocks: 0, problem: null, watchedUntilMs: 0 };
    metrics.read({
      chains: () => [
        { chain: "tron", ...status, endpoints: { switches: 3, endpoints } },
        { chain: "bitcoin", ...status },
      ],
    });
    await scrape(metrics);
    const series = await scrape(metrics);
    const told = [...series].filter(([name]) => name.startsWith("paybell_chain_endpoint"));
    expect(told.filter(([, value]) => value > 0).sort()).toEqual(
      [
        ['paybell_chain_endpoints{chain="tron",state="current"}', 1],
        ['paybell_chain_endpoints{chain="tron",state="standby"}', 1],
        ['paybell_chain_endpoints{chain="tron",state="failed"}', 1],
        ['paybell_chain_endpoint_failures_total{chain="tron",reason="stale"}', 1],
        ['paybell_chain_endpoint_failures_total{chain="tron",reason="failed"}', 2],
        ['paybell_chain_endpoint_failures_total{chain="tron",reason="rate_limited"}', 1],
        ['paybell_chain_endpoint_switches_total{chain="tron"}', 3],
      ].sort(),
    );
    expect([...series.keys()].join()).not.toContain("secret");
  });

  it("say how late the event loop was since the last scrape", async () => {
    const { metrics } = make();
    await scrape(metrics);
    await new Promise((resolve) => setTimeout(resolve, 30));
    const blockedUntil = performance.now() + 200;
    while (performance.now() < blockedUntil);
    await new Promise((resolve) => setTimeout(resolve, 30));
    const worst = 'paybell_event_loop_delay_seconds{quantile="1"}';
    expect((await scrape(metrics)).get(worst)).toBeGreaterThan(0.1);
  });
});
