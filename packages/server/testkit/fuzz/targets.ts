/**
 * The parsers that meet the outside, each with valid samples, with what it may throw, and with what must hold of
 * whatever it returns. Two sorts of input are tried on them: damaged samples made by generators
 * (`test/fuzz/parsers.test.ts`), and mutations led by coverage (`tools/fuzz/`).
 */
import assert from "node:assert/strict";
import { recipientOf, SCRIPT_LENGTHS } from "../../src/chains/bitcoin/address.ts";
import { Bitcoind } from "../../src/chains/bitcoin/bitcoind.ts";
import { MalformedBlock, readHeader, scanBlock } from "../../src/chains/bitcoin/block-scanner.ts";
import { InvalidCursor, parseCursor } from "../../src/chains/bitcoin/cursor.ts";
import { BITCOIN_NETWORKS } from "../../src/chains/bitcoin/network.ts";
import { NodeUnreachable } from "../../src/chains/bitcoin/rpc.ts";
import { MalformedAnswer, parseAnswer, RpcError, resultsOf } from "../../src/chains/bitcoin/rpc-answer.ts";
import { MalformedTransaction, scanTransaction } from "../../src/chains/bitcoin/transaction-scanner.ts";
import { receiveAddress } from "../../src/chains/bitcoin/xpub.ts";
import { MalformedZmqMessage, readZmqMessage } from "../../src/chains/bitcoin/zmq-message.ts";
import { ExternalFacts } from "../../src/chains/external/facts.ts";
import { InvalidAddress, InvalidXpub } from "../../src/chains/watcher.ts";
import { ConfigError } from "../../src/config/config-error.ts";
import { parseConfigText } from "../../src/config/config-file.ts";
import { configFrom } from "../../src/config/load-config.ts";
import { bearerKey } from "../../src/http/authenticator.ts";
import { parseKey } from "../../src/http/keys.ts";
import { ChainRegistry } from "../../src/ingest/chain-registry.ts";
import { PaybellError } from "../../src/kit/errors.ts";
import { formatPosition, parsePosition } from "../../src/log/position.ts";
import { parseTopic, topics } from "../../src/log/topic.ts";
import { DECIMAL_PATTERN, dueFor } from "../../src/protocols/identipay/amount.ts";
import { parseStreamRequest } from "../../src/protocols/native/stream-request.ts";
import { addressGroup, TrustedProxies } from "../../src/transports/client-address.ts";
import { RouteTable } from "../../src/transports/websocket/route-table.ts";
import { CLIENT_TARGETS } from "./client-targets.ts";
import * as samples from "./samples.ts";
import { type Target, text } from "./target.ts";

const everything = { watches: () => true, spends: (outpoint: string) => outpoint.startsWith("11"), anySpends: true };
const proxies = new TrustedProxies(["127.0.0.1", "10.0.0.0/8", "fd00::/8"]);
const routes = new RouteTable();
for (const path of ["/v1/stream", "/payment/:address", "/ws/transactions/:transactionId"]) {
  routes.add({ protocol: "any", path, silent: false, open: () => ({ onMessage: () => {}, onClose: () => {} }) });
}
const asset = { symbol: "USDC", decimals: 6 };
const settings = { kind: "external" as const, assets: [asset], confirmations: 1, finalConfirmations: 2 };
const registry = new ChainRegistry([{ facts: new ExternalFacts("sui", settings), watched: false }]);

/** Puts the frames of a ZMQ message in a row: each behind a byte that says how long it is. */
function frames(input: Buffer): Buffer[] {
  const found: Buffer[] = [];
  for (let at = 0; at < input.length; at += 1 + (input[at] as number)) {
    found.push(input.subarray(at + 1, at + 1 + (input[at] as number)));
  }
  return found;
}

async function askNode(input: string): Promise<void> {
  const parsed = parseAnswer(input);
  const call = async () => parsed;
  const node = new Bitcoind({
    call,
    batch: async (calls) =>
      resultsOf(
        calls.map(({ method }) => method),
        parsed,
      ),
  });
  const questions = [
    () => node.chainInfo(),
    () => node.header(""),
    () => node.mempool(),
    () => node.rawBlock(""),
    () => node.blockHashes([1]),
    () => node.mempoolEntries(["a"]),
    () => node.rawTransactions(["a"]),
    () => node.mempoolSpenders([["a:0"]]),
  ];
  for (const question of questions) {
    await question().catch((error: unknown) => {
      if (![RpcError, NodeUnreachable, MalformedAnswer].some((known) => error instanceof known)) throw error;
    });
  }
}

export const TARGETS: readonly Target[] = [
  ...CLIENT_TARGETS,
  text("topic", /log\/topic/, samples.TOPICS, [], (input) => {
    const topic = parseTopic(input);
    if (topic)
      assert.deepEqual([Object.hasOwn(topics, topic.kind), [topic.kind, ...topic.parts].join(":")], [true, input]);
  }),
  text("position", /log\/position/, samples.POSITIONS, [], (input) => {
    const position = parsePosition(input);
    if (position) assert.equal(formatPosition(position), input);
  }),
  text("stream-request", /native\/stream-request/, samples.STREAM_REQUESTS, [PaybellError], (input) => {
    const { type, ...fields } = parseStreamRequest(input);
    assert(["auth", "subscribe", "unsubscribe", "ping"].includes(type));
    assert(Object.values(fields).every((value) => typeof value === "string"));
  }),
  text("key", /http\/(keys|authenticator)/, samples.KEYS, [], (input) => parseKey(bearerKey(input) ?? input)),
  text("socket-path", /websocket\/route-table/, samples.PATHS, [], (input) => {
    const match = routes.find(URL.parse(`ws://localhost/${input}`)?.pathname ?? "");
    if (match) assert(Object.values(match.params).every((value) => value !== "" && value.isWellFormed()));
  }),
  text("client-address", /transports\/client-address/, samples.FORWARDED, [], (input) => {
    const socket = { remoteAddress: "127.0.0.1" };
    const address = proxies.clientAddress({ headers: { "x-forwarded-for": input }, socket } as never);
    assert.match(addressGroup(address), /^[0-9a-f:./]+$/i);
  }),
  text("identipay-amount", /identipay\/amount/, samples.AMOUNTS, [PaybellError], (input) => {
    const [value = "", currency = ""] = input.split(" ");
    // The schema of the request has looked at that before.
    if (!new RegExp(DECIMAL_PATTERN).test(value)) return;
    const { amountAtomic } = dueFor(
      { value, currency },
      { chain: "sui", currencies: null },
      { mode: "live", registry },
    );
    assert(amountAtomic > 0n);
  }),
  text("config", /src\/config\//, samples.CONFIGS, [ConfigError], (input) =>
    configFrom({ name: "file", tree: parseConfigText(input, "file") }, { environment: {}, flags: {}, cwd: "/" }),
  ),
  text(
    "environment",
    /config\/(layers|nearest|schema-problems|checks)/,
    samples.ENVIRONMENTS,
    [ConfigError],
    (input) => {
      const environment = Object.fromEntries(input.split("\n").map((line) => line.split(/=(.*)/s, 2)));
      configFrom({ name: "file", tree: {} }, { environment, flags: {}, cwd: "/" });
    },
  ),
  text("bitcoin-address", /bitcoin\/address/, samples.ADDRESSES, [InvalidAddress], (input) => {
    const script = recipientOf(BITCOIN_NETWORKS.mainnet, input);
    assert(/^[0-9a-f]+$/.test(script) && SCRIPT_LENGTHS.has(script.length / 2));
  }),
  text("bitcoin-xpub", /bitcoin\/xpub/, samples.XPUBS, [InvalidXpub], (input) =>
    assert.match(receiveAddress(BITCOIN_NETWORKS.mainnet, input, 0), /^bc1q/),
  ),
  text("bitcoin-cursor", /bitcoin\/cursor/, samples.CURSORS, [InvalidCursor, SyntaxError], (input) => {
    const cursor = parseCursor(JSON.parse(input));
    assert(cursor.height >= 0 && cursor.hashes.length > 0);
  }),
  text("bitcoin-answer", /bitcoin\/(rpc-answer|bitcoind)/, samples.ANSWERS, [], askNode),
  {
    name: "bitcoin-transaction",
    files: /bitcoin\/transaction-scanner/,
    samples: samples.TRANSACTIONS,
    refusals: [MalformedTransaction],
    read: (input) => scanTransaction(input, everything),
  },
  {
    name: "bitcoin-block",
    files: /bitcoin\/(block|transaction)-scanner/,
    samples: samples.BLOCKS,
    refusals: [MalformedBlock],
    read: (input) => [readHeader(input), scanBlock(input, everything)],
  },
  {
    name: "bitcoin-zmq",
    files: /bitcoin\/zmq-message/,
    samples: samples.ZMQ_MESSAGES,
    refusals: [MalformedZmqMessage],
    read: (input) => readZmqMessage(frames(input)),
  },
];
