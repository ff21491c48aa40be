/** Sui nodes that refuse, hang, lie idle, have forgotten or are behind; the genuine client on simulated ones. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { EndpointFailure } from "../../src/chains/following/block-source.ts";
import { followCheckpoints } from "../../src/chains/sui/checkpoint-stream.ts";
import { SuiNode, type SuiNodeOptions } from "../../src/chains/sui/sui-node.ts";
import { SimulatedSuiNode } from "../../testkit/sui/simulated-node.ts";
import { type SuiUnderTest, suiHarness } from "../../testkit/sui-harness.ts";
import { until } from "../../testkit/until.ts";
import { Bench } from "../../testkit/watching/bench.ts";
import { PRICE } from "../../testkit/watching/payment-under-test.ts";

const SECRET = "sk-of-the-provider";

describe("a question", () => {
  let simulated: SimulatedSuiNode;
  let node: SuiNode;

  beforeEach(async () => {
    simulated = await SimulatedSuiNode.start({ nowMs: () => 1_700_000_000_000 });
    node = nodeAt({});
  });
  afterEach(async () => {
    node.close();
    await simulated.stop();
  });

  const nodeAt = (options: Partial<SuiNodeOptions>) =>
    new SuiNode({ url: simulated.url, network: "localnet", timeoutMs: 5_000, ...options });

  async function failureOf(asked: Promise<unknown>): Promise<EndpointFailure> {
    const failure = await asked.then(
      () => null,
      (error: unknown) => error,
    );
    expect(failure).toBeInstanceOf(EndpointFailure);
    return failure as EndpointFailure;
  }

  it("carries the provider's headers", async () => {
    node = nodeAt({ headers: { "x-api-key": SECRET } });
    await node.serviceInfo();
    expect(simulated.server.lastHeaders).toMatchObject({
      "x-api-key": SECRET,
      "content-type": "application/grpc-web+proto",
      "x-grpc-web": "1",
    });
  });

  it("too many is heard, with the pause that is asked for", async () => {
    simulated.server.raw = { status: 429, headers: { "retry-after": "7" } };
    const failure = await failureOf(node.checkpoint(0, ["digest"]));
    expect(failure.retryAfterMs).toBe(7_000);
    expect(failure.message).toMatch(/^The Sui node at http:\/\/127\.0\.0\.1:\d+ answered with HTTP 429: too many/);
  });

  it.each([
    [{ status: 404, body: "not here" }, /HTTP 404: there is no gRPC here/],
    [{ status: 502, body: "<html>" }, /HTTP 502/],
    [{ status: 302, headers: { location: "http://127.0.0.1:1/" } }, /HTTP 302: give the URL to which it redirects/],
    [{ status: 200, headers: { "content-type": "text/html" }, body: "<html>" }, /unexpected response content type/],
    [{ status: 200, headers: { "content-type": "application/grpc-web+proto" }, body: "x" }, /DATA_LOSS: premature EOF/],
    [{ status: 200, headers: { "grpc-status": "8", "grpc-message": "slow%20down" } }, /RESOURCE_EXHAUSTED: too many/],
    [{ status: 200, headers: { "grpc-status": "16" } }, /UNAUTHENTICATED: it does not accept the credentials/],
  ])("that is answered with %j is a failure of the endpoint, never a missing checkpoint", async (raw, message) => {
    simulated.server.raw = raw;
    expect((await failureOf(node.checkpoint(0, ["digest"]))).message).toMatch(message);
  });

  it("has a deadline", async () => {
    simulated.server.hanging = true;
    node = nodeAt({ timeoutMs: 50 });
    expect((await failureOf(node.serviceInfo())).message).toMatch(/has not answered completely within 50 ms/);
  });

  it("has an answer of bounded size", async () => {
    node = nodeAt({ maxBytes: 60 });
    expect((await failureOf(node.checkpoint(0, ["digest", "summary"]))).message).toMatch(/more than 60 bytes/);
  });

  it("to nobody says why, and shows neither path nor key", async () => {
    await simulated.stop();
    node = nodeAt({ url: `${simulated.url}/v2/${SECRET}`, headers: { "x-api-key": SECRET } });
    const { message } = await failureOf(node.serviceInfo());
    expect(message).toMatch(/^The Sui node at http:\/\/127\.0\.0\.1:\d+ cannot be reached \(ECONNREFUSED\)/);
    node = nodeAt({ headers: { "x-api-key": `${SECRET}\n` } });
    expect(message + (await failureOf(node.serviceInfo())).message).not.toContain(SECRET);
  });

  it("that is under way ends with the node", async () => {
    simulated.server.hanging = true;
    const asked = failureOf(node.serviceInfo());
    await until("the question", () => simulated.server.lastHeaders.host);
    node.close();
    expect((await asked).message).toMatch(/is not asked any more/);
  });

  it("for news is asked again when its stream breaks; frames without a checkpoint are no news", async () => {
    const told = { news: 0, trouble: [] as string[] };
    const end = followCheckpoints(
      node,
      () => {
        told.news += 1;
      },
      (message) => told.trouble.push(message),
    );
    await until("the stream", () => told.news === 1);
    simulated.certify(1);
    await until("the next", () => told.news === 2);
    simulated.breakStreams();
    await until("the stream to be opened anew", () => told.news === 3 && simulated.openStreams === 1);
    expect(told.trouble).toHaveLength(1);
    end();
    await until("the end", () => simulated.openStreams === 0);
    expect(told).toMatchObject({ news: 3, trouble: [expect.stringContaining("The Sui node at")] });
  });
});

describe("a watcher", () => {
  let bench: Bench;
  const chain = () => bench.chain as SuiUnderTest;

  beforeEach(async () => {
    bench = await Bench.open(suiHarness);
  });
  afterEach(async () => {
    await bench.close();
  });

  it("goes on by polling when the stream stays open and brings nothing", async () => {
    const { node } = chain();
    await until("the stream", () => node.openStreams === 1);
    node.mutedStreams = true;
    const payment = await bench.payment();
    await payment.becomesPaid();
    expect(node.openStreams).toBe(1);
  });

  it("shows that checkpoints are missing, and goes on where it was when they are there", async () => {
    const { node } = chain();
    const payment = await bench.payment();
    await bench.stopWatcher();
    await payment.pay();
    await chain().mine(50);
    node.lowestCheckpoint = 40;
    await bench.startWatcher("without waiting");
    await until("the problem", () => bench.watcher.status().problem?.includes("has checkpoints from 40 on only"));
    expect(bench.watcher.status().connected).toBe(false);
    expect((await payment.view()).status).toBe("pending");
    await chain().advance(60_000);
    node.lowestCheckpoint = 0;
    await payment.tellsUntil("payment.finalized");
  });

  it("leaves a node of another network alone, and says which it is", async () => {
    await bench.stopWatcher();
    const watcher = chain().createWatcher({ network: "mainnet", chainId: null });
    await watcher.start(bench.core.sink);
    await until("the problem", () => watcher.status().problem?.includes("mainnet is expected"));
    await watcher.stop();
  });

  it("changes to another endpoint when the one it asks is far behind", async () => {
    const { node, clock } = chain();
    await bench.stopWatcher();
    await chain().mine(1);
    const behind = await SimulatedSuiNode.start({ nowMs: () => clock.nowMs(), ledger: node.ledger });
    behind.stuckAtHeight = node.height;
    const watcher = chain().createWatcher({ endpoints: [{ url: behind.url }, { url: node.url }] });
    bench.core.tell(watcher);
    await watcher.start(bench.core.sink);
    const payment = await bench.payment();
    await payment.pay();
    await chain().mine(200);
    await chain().advance(60_000);
    await payment.tellsUntil("payment.finalized");
    expect((await payment.view()).received).toBe(PRICE.toString());
    expect(watcher.status().endpoints).toMatchObject({ endpoints: [{ current: false }, { current: true }] });
    await watcher.stop();
    await behind.stop();
  });
});
