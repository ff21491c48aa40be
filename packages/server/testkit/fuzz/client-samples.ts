/** Valid inputs of the parsers in client-targets.ts. */
import { createHmac, generateKeyPairSync } from "node:crypto";
import { SANDBOX_PUSHER_APP } from "../../src/config/pusher.ts";
import { sign } from "../../src/transports/pusher/signatures.ts";

const ID = "11111111-2222-4333-8444-555555555555";
const PID = "aaaaaaaaaaaaaaaaaaaa";
export const EPOCH = "1a2b";
export const APP = SANDBOX_PUSHER_APP;
export const SESSION_SECRET = "a secret of at least thirty-two bytes, for tests";
export const TOKEN_USER = "64f0c0ffee";
/** In seconds of a JWT: 2100. */
const EXPIRES = 4_102_444_800;
export const TOKEN_UNTIL_MS = EXPIRES * 1_000;

export const AUTHS = [`{"token":"t","pid":"${PID}","offset":"1a2b.0.7"}`, `{"pid":"${PID}"}`, '{"key":"pk_sandbox_x"}'];
export const JOINS = ['["64f0c0ffee"]', '["a b"]', '[{"userId":"u"},null]'];
export const MARKS = [`${EPOCH}.0.7`, `${EPOCH}.0.7/1`, "zzzz.0.7"];
export const COOKIES = ["accessToken=a.b.c", "theme=dark; accessToken=a.b.c; other==", "accessToken="];
export const SUBSCRIBES = ['{"trackingId":"till-1"}', '{"trackingId":"tip\\u0000\\u0000"}', '{"trackingId":null}'];
export const RESUME_TOKENS = [`{"at":"${EPOCH}.0.7","ids":["till-1","tip"]}`, `{"at":"${EPOCH}.0.7","ids":[]}`];
export const MESSAGES = [
  `{"event":"pusher:subscribe","data":{"channel":"private-${ID}","auth":"paybell:00","channel_data":"{}"}}`,
  `{"event":"pusher:unsubscribe","data":"{\\"channel\\":\\"${ID}\\"}"}`,
  '{"event":"pusher:ping"}',
];
export const BODIES = ['["{\\"event\\":\\"pusher:ping\\"}"]', "[]"];
export const CHANNELS = [
  ID,
  `private-${ID}`,
  "private-encrypted-pk_sandbox_paybell_order-1",
  "private-encrypted-cache-pk_sandbox_paybell",
  "cache-pk_live_0123456789abcdefghijABCDEFGHIJ012345_a_b",
  "presence-x",
];

/** The shop's public key, as its settings hold it. */
export const SESSION_JWKS = JSON.stringify({
  keys: [{ ...generateKeyPairSync("ed25519").publicKey.export({ format: "jwk" }), alg: "EdDSA", kid: "k" }],
});

const base64 = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");

function tokenOf(header: object, payload: object): string {
  const signed = `${base64(header)}.${base64(payload)}`;
  return `${signed}.${createHmac("sha256", SESSION_SECRET).update(signed).digest("base64url")}`;
}

const claims = { sub: TOKEN_USER, exp: EXPIRES };
export const TOKENS = [
  tokenOf({ alg: "HS256", typ: "JWT" }, claims),
  tokenOf({ alg: "HS256" }, { ...claims, exp: 1 }),
  tokenOf({ alg: "none" }, claims),
  tokenOf({ alg: "EdDSA", kid: "k" }, claims),
];

function signed(path: string, more: string): string {
  const query = `auth_key=${APP.keys[0]}&auth_timestamp=1767225600&auth_version=1.0${more}`;
  return `GET ${path}?${query}&auth_signature=${sign(String(APP.secret), ["GET", path, query].join("\n"))}`;
}

/** Method, address and body, with a space between; signed at the beginning of 2026. */
export const SIGNED = [
  signed(`/apps/${APP.id}/channels`, ""),
  signed(`/apps/${APP.id}/channels`, "&info=subscription_count"),
];

/** Signatures that stand in a query, without their spelling: the names of parameters are taken in either case. */
export function signaturesIn(url: string): string[] {
  const { searchParams } = URL.parse(url, "http://localhost") ?? { searchParams: [] };
  return [...searchParams].filter(([name]) => name.toLowerCase() === "auth_signature").map(([, value]) => value);
}
