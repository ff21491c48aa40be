/**
 * Requests that are wrong as HTTP, not as ours: each is answered with an error of the registry, also where Node refuses
 * it before any route sees it; and what is odd but allowed is served.
 */
import { afterAll, beforeAll, expect, it } from "vitest";
import { exchange } from "../../testkit/clients/raw-http.ts";
import { ServerProcess } from "../../testkit/server-process.ts";

let server: ServerProcess;
beforeAll(async () => {
  server = await ServerProcess.start();
});
afterAll(async () => {
  await server.dispose();
});

const HOST = "Host: 127.0.0.1\r\n";
const KEY = "Authorization: Bearer sk_sandbox_paybell\r\n";
const JSON_TYPE = "Content-Type: application/json\r\n";
const HANDSHAKE = `${HOST}Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n`;
const post = (headers: string, body: string) => `POST /v1/payments HTTP/1.1\r\n${HOST}${KEY}${headers}\r\n${body}`;

/** Sent, and answered: the status and, of a refusal, its code. */
const ODDITIES: Record<string, [request: string, status: number, code?: string]> = {
  "bytes that are no request": ["\x00\x16\x03\x01\r\n\r\n", 400, "invalid_request"],
  "TLS on a plain port": ["\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400, "invalid_request"],
  "HTTP/2 without asking": ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, "invalid_request"],
  "an unknown version": [`GET /healthz HTTP/3.7\r\n${HOST}\r\n`, 400, "invalid_request"],
  "an unknown method": [`BREW /healthz HTTP/1.1\r\n${HOST}\r\n`, 400, "invalid_request"],
  "a method that no path has": [`PROPFIND /healthz HTTP/1.1\r\n${HOST}\r\n`, 405, "method_not_allowed"],
  "CONNECT, as to a proxy": [`CONNECT x:80 HTTP/1.1\r\n${HOST}\r\n`, 405, "method_not_allowed"],
  "OPTIONS of everything": [`OPTIONS * HTTP/1.1\r\n${HOST}\r\n`, 404, "not_found"],
  "no Host": ["GET /healthz HTTP/1.1\r\n\r\n", 400, "invalid_request"],
  "a Host that is not this machine": ["GET /healthz HTTP/1.1\r\nHost: evil.example\r\n\r\n", 403, "host_not_allowed"],
  "a header without a colon": [`GET /healthz HTTP/1.1\r\n${HOST}nonsense\r\n\r\n`, 400, "invalid_request"],
  "NUL in a header": [`GET /healthz HTTP/1.1\r\n${HOST}a: \x00\r\n\r\n`, 400, "invalid_request"],
  "a head that is too large": [
    `GET /healthz HTTP/1.1\r\n${HOST}x: ${"a".repeat(20_000)}\r\n\r\n`,
    431,
    "headers_too_large",
  ],
  "two lengths": [post("Content-Length: 2\r\nContent-Length: 3\r\n", "{}"), 400, "invalid_request"],
  "a negative length": [post("Content-Length: -2\r\n", "{}"), 400, "invalid_request"],
  "a length and chunks": [
    post("Content-Length: 2\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
    400,
    "invalid_request",
  ],
  "chunks of no length": [post(`${JSON_TYPE}Transfer-Encoding: chunked\r\n`, "zz\r\n{}\r\n"), 400, "invalid_request"],
  "an unknown transfer encoding": [post("Transfer-Encoding: gzip\r\n", "0\r\n\r\n"), 400, "invalid_request"],
  "a body that is too large, said beforehand": [
    post(`${JSON_TYPE}Content-Length: 999999999999\r\n`, "{"),
    413,
    "payload_too_large",
  ],
  "chunks that become too large": [
    post(`${JSON_TYPE}Transfer-Encoding: chunked\r\n`, `50000\r\n${" ".repeat(0x50000)}\r\n0\r\n\r\n`),
    413,
    "payload_too_large",
  ],
  "a compressed body": [
    post(`${JSON_TYPE}Content-Encoding: gzip\r\nContent-Length: 2\r\n`, "{}"),
    415,
    "unsupported_media_type",
  ],
  "half a character in the path": [`GET /v1/payments/%E0%A4%A HTTP/1.1\r\n${HOST}\r\n`, 400, "invalid_request"],
  "half a character in a WebSocket's path": [`GET /payment/%E0%A4%A HTTP/1.1\r\n${HANDSHAKE}\r\n`, 404, "not_found"],
  "a handshake without a key": [`GET /v1/stream HTTP/1.1\r\n${HANDSHAKE}\r\n`, 400, "invalid_request"],
  "a handshake as POST": [
    `POST /v1/stream HTTP/1.1\r\n${HANDSHAKE}Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nContent-Length: 0\r\n\r\n`,
    400,
    "invalid_request",
  ],
  "a WebSocket's path without a handshake": [`GET /v1/stream HTTP/1.1\r\n${HOST}\r\n`, 404, "not_found"],

  "an offer of HTTP/2, as Java's client makes it": [
    `GET /healthz HTTP/1.1\r\n${HOST}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n`,
    200,
  ],
  "a whole URL, as to a proxy": [`GET http://127.0.0.1/healthz HTTP/1.1\r\n${HOST}\r\n`, 200],
  "a whole URL of a WebSocket": [
    `GET http://127.0.0.1/v1/stream HTTP/1.1\r\n${HANDSHAKE}Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`,
    101,
  ],
  "an expectation that nobody knows": [`GET /healthz HTTP/1.1\r\n${HOST}Expect: miracles\r\n\r\n`, 200],
  "HTTP/1.0": [`GET /healthz HTTP/1.0\r\n${HOST}\r\n`, 200],
  "a body where there is none to be": [`GET /healthz HTTP/1.1\r\n${HOST}Content-Length: 5\r\n\r\nhello`, 200],
};

it.each(Object.entries(ODDITIES))("%s", async (_name, [request, status, code]) => {
  const [answer] = await exchange(server.port, Buffer.from(request, "latin1"));
  expect(answer?.status, answer?.body).toBe(status);
  if (code !== undefined) {
    expect(JSON.parse(answer?.body ?? "")).toMatchObject({ error: { code, message: expect.any(String) } });
  }
  const [next] = await exchange(server.port, Buffer.from(`GET /healthz HTTP/1.1\r\n${HOST}\r\n`));
  expect(next?.status).toBe(200);
});
