/** Valid inputs, from which every mutation begins. */
const HASH = "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206";
const ID = "11111111-2222-4333-8444-555555555555";

export const TOPICS = [
  `payment:${ID}`,
  "merchant:m",
  "stock:m",
  "customer:m:a:b",
  "reference:m:r",
  "address:m:bitcoin:a",
];
export const POSITIONS = ["1a2b.0.0", "zzzzzzzzzzzzzzzz.0.123456789012345"];
export const STREAM_REQUESTS = [
  '{"type":"auth","key":"sk_sandbox_paybell"}',
  `{"type":"subscribe","topic":"payment:${ID}","after":"1a2b.0.7"}`,
  '{"type":"unsubscribe","topic":"merchant:sandbox"}',
  '{"type":"ping"}',
];
export const KEYS = ["Bearer sk_sandbox_paybell", "pk_live_0123456789abcdefghijABCDEFGHIJ012345"];
export const PATHS = ["v1/stream", "payment/bc1%71a", `ws/transactions/${ID}`];
export const FORWARDED = ["203.0.113.7", "1.2.3.4, 10.0.0.1, ::ffff:10.1.2.3", "2001:db8::1, fd00::1%eth0"];
export const AMOUNTS = ["12.50 USDC", "0.000001 USDC", "0 USDC", "1 EUR"];
export const CONFIGS = [
  JSON.stringify({
    mode: "live",
    host: "::1",
    port: 8000,
    trustProxy: ["10.0.0.0/8"],
    allowedOrigins: ["https://a.example"],
  }),
  JSON.stringify({
    chains: { sui: { kind: "external", assets: [{ symbol: "USDC", decimals: 6 }] } },
    identipay: { chain: "sui" },
  }),
  JSON.stringify({
    chains: {
      bitcoin: {
        kind: "bitcoin",
        network: "regtest",
        rpcUrl: "http://127.0.0.1:18443",
        rpcUser: "u",
        rpcPassword: "p",
        zmq: { rawtx: "tcp://127.0.0.1:1", sequence: "tcp://127.0.0.1:1" },
      },
    },
    hosts: { "shop.example": "sandbox" },
    limits: { connections: 5 },
    defaults: { expiresInSeconds: 60 },
    tls: { certFile: "a", keyFile: "b" },
  }),
];
export const ENVIRONMENTS = [
  "PAYBELL_MODE=live\nPAYBELL_PORT=8000\nPAYBELL_SANDBOX_PUBLIC=1\nPAYBELL_TRUST_PROXY=10.0.0.0/8, ::1",
  "PAYBELL_HOST=127.0.0.1\nPAYBELL_SANDBOX_BLOCK_MS=500\nPAYBELL_LOG_LEVEL=info\nPAYBELL_ALLOWED_ORIGINS=https://a.example",
];
export const ADDRESSES = [
  "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
  "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0",
  "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
  "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy",
  "tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx",
];
export const XPUBS = [
  "xpub661MyMwAqRbcFtXgS5sYJABqqG9YLmC4Q1Rdap9gSE8NqtwybGhePY2gZ29ESFjqJoCu1Rupje8YtGqsefD265TMg7usUDFdp6W1EGMcet8",
  "zpub6rFR7y4Q2AijBEqTUquhVz398htDFrtymD9xYYfG1m4wAcvPhXNfE3EfH1r1ADqtfSdVCToUG868RvUUkgDKf31mGDtKsAYz2oz2AGutZYs",
];
export const CURSORS = [`{"height":7,"hashes":["${HASH}"]}`];
const answer = (result: unknown) => JSON.stringify([{ result, error: null, id: 0 }]);
export const ANSWERS = [
  answer(HASH),
  answer({ time: 1, "bip125-replaceable": true, ancestorcount: 2 }),
  answer([{ txid: HASH, vout: 0, spendingtxid: HASH }]),
  answer("00ff"),
  JSON.stringify({ chain: "main", blocks: 1, headers: 2, bestblockhash: HASH, pruneheight: 1 }),
  JSON.stringify({ hash: HASH, height: 1, time: 2, previousblockhash: HASH }),
  JSON.stringify([HASH]),
  '[{"result":null,"error":{"code":-5,"message":"not found"},"id":0}]',
];

const input = `${"11".repeat(32)}0000000002aabbfdffffff`;
const output = `e803000000000000${"16"}0014${"22".repeat(20)}`;
const legacy = `01000000${"01"}${input}${"02"}${output}${output}00000000`;
const segwit = `020000000001${"01"}${input}${"01"}${output}${"02"}01aa02bbbb00000000`;
const coinbase = `01000000${"01"}${"00".repeat(32)}ffffffff${"02aabb"}ffffffff${"01"}${output}00000000`;
export const TRANSACTIONS = [legacy, segwit, coinbase].map((hex) => Buffer.from(hex, "hex"));
export const BLOCKS = [Buffer.from(`${"01".repeat(80)}03${coinbase}${legacy}${segwit}`, "hex")];

const framed = (...frames: Buffer[]) => Buffer.concat(frames.flatMap((frame) => [Buffer.from([frame.length]), frame]));
const counter = Buffer.from([1, 0, 0, 0]);
const hash = Buffer.alloc(32, 0x11);
export const ZMQ_MESSAGES = [
  framed(Buffer.from("rawtx"), Buffer.from(legacy, "hex").subarray(0, 200), counter),
  framed(Buffer.from("sequence"), Buffer.concat([hash, Buffer.from("C")]), counter),
  framed(Buffer.from("sequence"), Buffer.concat([hash, Buffer.from("A"), Buffer.alloc(8)]), counter),
  framed(Buffer.from("sequence"), Buffer.concat([hash, Buffer.from("R"), Buffer.alloc(8)]), counter),
];
