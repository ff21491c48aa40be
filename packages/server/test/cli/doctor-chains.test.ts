/** `paybell doctor` on real nodes (bcoin behind bitcoind's interface, anvil), and on providers in front of them that fail. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { TestChain } from "../../testkit/anvil/test-chain.ts";
import { RpcRefusal } from "../../testkit/bitcoind/rpc-server.ts";
import { Bitcoind } from "../../testkit/bitcoind/start-bitcoind.ts";
import { FaultyProvider } from "../../testkit/faulty-provider.ts";
import { Patient } from "../../testkit/patient.ts";

let patient: Patient;
beforeEach(async () => {
  patient = await Patient.admit();
});
afterEach(() => patient.discharge());

/** What is said of the chain, as `status found`. */
async function examined(name: string, settings: object): Promise<{ code: number; told: string[]; text: string }> {
  await patient.configure({ mode: "live", chains: { [name]: settings } });
  const { code, out, findings } = await patient.examine();
  const told = findings
    .filter(({ what }) => what === `chain ${name}`)
    .map(({ status, found, toDo }) => `${status} ${found}${toDo === null ? "" : ` → ${toDo}`}`);
  return { code, told, text: out };
}

describe("bitcoind", () => {
  let node: Bitcoind;
  beforeAll(async () => {
    node = await Bitcoind.start();
    await node.mine(1);
  });
  afterAll(() => node.stop());
  afterEach(() => node.overrides.clear());

  const settings = (changed: object = {}) => ({
    kind: "bitcoin",
    network: "regtest",
    rpcUrl: node.rpcUrl,
    rpcUser: node.auth.user,
    rpcPassword: node.auth.password,
    zmq: { rawtx: node.zmqUrl, sequence: node.zmqUrl },
    ...changed,
  });

  it("that is well: network, height, time of its block, latency, and both ZMQ topics", async () => {
    const { code, told, text } = await examined("bitcoin", settings());
    expect(told).toEqual([
      expect.stringMatching(
        new RegExp(
          `^ok bitcoind at ${node.rpcUrl}: the right network, block ${node.height} of -?\\d+ s ago, answers in`,
        ),
      ),
      `ok rawtx over ZMQ at ${node.zmqUrl} answers`,
      `ok sequence over ZMQ at ${node.zmqUrl} answers`,
    ]);
    expect(code).toBe(0);
    expect(text).not.toContain(node.auth.password);
  });

  it("of another network is broken", async () => {
    const { code, told } = await examined("bitcoin", settings({ network: "mainnet", zmq: undefined }));
    expect(told).toEqual([expect.stringMatching(/^broken .*The node is on "regtest".*connect a node of the right/)]);
    expect(code).toBe(1);
  });

  it("with wrong credentials is broken, and they are not shown", async () => {
    const { told, text } = await examined("bitcoin", settings({ rpcPassword: "sesame-open" }));
    expect(told[0]).toMatch(/^broken .*does not accept the credentials: check rpcUser/);
    expect(text).not.toContain("sesame-open");
  });

  it("without a method that is needed is broken", async () => {
    node.overrides.set("getrawtransaction", () => {
      throw new RpcRefusal(-32601, "Method not found");
    });
    const { told } = await examined("bitcoin", settings());
    expect(told[0]).toMatch(/^broken .*refused getrawtransaction: Method not found.*-rpcwhitelist/);
  });

  it("without its ZMQ, or with something else there, is polled: a warning", async () => {
    const http = node.rpcUrl.replace("http:", "tcp:");
    const { code, told } = await examined("bitcoin", settings({ zmq: { rawtx: "tcp://127.0.0.1:1", sequence: http } }));
    expect(told[1]).toMatch(/^warning rawtx over ZMQ.*Nobody answers there \(ECONNREFUSED\).*→ .*the node is polled/);
    expect(told[2]).toMatch(/^warning sequence over ZMQ.*zmqpubsequence=/);
    expect(code).toBe(0);
  });
});

describe("endpoints of an EVM network", () => {
  /** The blocks' times. */
  let ageMs = 90_000;
  const clock = { nowMs: () => Date.now() - ageMs };
  let chain: TestChain;
  let providers: [FaultyProvider, FaultyProvider];

  beforeAll(async () => {
    chain = await TestChain.start(clock);
    await chain.mine(3);
  });
  afterAll(() => chain.stop());
  beforeEach(async () => {
    const start = () => FaultyProvider.start(chain.facade.url);
    providers = await Promise.all([start(), start()]);
  });
  afterEach(() => Promise.all(providers.map((provider) => provider.close())));

  const settings = (changed: object = {}) => ({
    kind: "evm",
    chainId: chain.chainId,
    endpoints: providers.map(({ url }) => ({ url: `${url}/v3/pr0vider-key`, headers: { "x-key": "pr0vider-key" } })),
    ...changed,
  });

  it("that are well: each with its head and latency, without the keys in their URLs", async () => {
    const { code, told, text } = await examined("ethereum", settings());
    const good = (place: 0 | 1) =>
      expect.stringMatching(new RegExp(`^ok The node at ${providers[place].url}: the right network, block \\d+ of`));
    expect(told).toEqual([good(0), good(1)]);
    expect(code).toBe(0);
    expect(text).not.toContain("pr0vider-key");
  });

  it("of which one is down: a warning while the other answers", async () => {
    await providers[0].become("down");
    const { code, told } = await examined("ethereum", settings());
    expect(told[0]).toMatch(/^warning .*cannot be reached.*→ Another endpoint answers meanwhile/);
    expect(told[1]).toMatch(/^ok /);
    expect(code).toBe(0);
  });

  it("of which none can be followed: broken, each with its reason", async () => {
    await providers[0].become("busy");
    await providers[1].become("other-network");
    const { code, told } = await examined("ethereum", settings());
    expect(told[0]).toMatch(/^broken .*HTTP 429: too many questions, ask for a higher rate/);
    expect(told[1]).toMatch(/^broken .*is on chain 32343, the configuration says chainId 31337/);
    expect(code).toBe(1);
  });

  it("of which one lags behind the other", async () => {
    await providers[0].become("stale");
    ageMs = 0;
    await chain.mine(10);
    const { told } = await examined("ethereum", settings());
    expect(told[0]).toMatch(/^warning .*10 blocks behind another/);
    expect(told[1]).toMatch(/^ok /);
  });

  it("with a token's contract that is wrong is broken before anybody is asked", async () => {
    const tokens = [{ contract: "0xdAC17F958D2ee523a2206206994597C13D831ec8", symbol: "USDT", decimals: 6 }];
    const { code, told } = await examined("ethereum", settings({ tokens }));
    expect(told).toEqual([expect.stringMatching(/^broken chains\.ethereum: the contract of USDT .*checksum/i)]);
    expect(code).toBe(1);
  });
});

it("a chain that the merchant's backend watches has no endpoints", async () => {
  const assets = [{ symbol: "GOLD", decimals: 2 }];
  const { told } = await examined("ledger", { kind: "external", assets });
  expect(told).toEqual(["ok watched by your own backend: POST /v1/observations"]);
});
