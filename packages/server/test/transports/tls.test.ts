import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { WebSocket } from "ws";
import { StartupError } from "../../src/kit/startup-error.ts";
import { selfSigned } from "../../testkit/self-signed.ts";
import { TestServer } from "../http/harness.ts";

const { cert, key } = selfSigned();
let dir: string;
const servers: TestServer[] = [];

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "paybell-tls-"));
  writeFileSync(join(dir, "cert.pem"), cert);
  writeFileSync(join(dir, "key.pem"), key);
});
afterAll(() => rmSync(dir, { recursive: true }));
afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop();
});

async function start(limits: object = {}): Promise<TestServer> {
  const tls = { certFile: join(dir, "cert.pem"), keyFile: join(dir, "key.pem") };
  const server = await TestServer.start({}, { tls, limits });
  servers.push(server);
  return server;
}

function statusOf(url: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { ca: cert, agent: false }, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    });
    outgoing.on("error", reject);
    outgoing.end();
  });
}

it("serves HTTPS and WSS with the certificate of the configuration", async () => {
  const { url } = await start();
  expect(url).toMatch(/^https:\/\/127\.0\.0\.1:/);
  expect(await statusOf(`${url}/healthz`)).toBe(200);
  const ws = new WebSocket(`${url.replace(/^https/, "wss")}/v1/stream`, { ca: cert });
  await new Promise((resolve, reject) => ws.once("open", resolve).once("error", reject));
  ws.send('{"type":"ping"}');
  expect(String(await new Promise((resolve) => ws.once("message", resolve)))).toBe('{"type":"pong"}');
  ws.terminate();
});

it("cuts off who does not finish the TLS handshake in handshakeTimeoutMs, and serves the others", async () => {
  const { url } = await start({ handshakeTimeoutMs: 300 });
  const { port } = new URL(url);
  const silent = connect(Number(port), "127.0.0.1");
  const half = connect(Number(port), "127.0.0.1");
  // The first five bytes of a ClientHello that never goes on.
  half.write(Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00]));
  const closed = [silent, half].map(
    (socket) =>
      new Promise((resolve) =>
        socket
          .on("error", () => {})
          .resume()
          .once("close", resolve),
      ),
  );
  expect(await statusOf(`${url}/healthz`)).toBe(200);
  await Promise.all(closed);
  expect(await statusOf(`${url}/healthz`)).toBe(200);
});

it("closes one connection too many without a word, since nobody could read it yet", async () => {
  const { url } = await start({ sockets: 1 });
  const { port } = new URL(url);
  const first = connect(Number(port), "127.0.0.1");
  await new Promise((resolve) => first.once("connect", resolve));
  const second = connect(Number(port), "127.0.0.1");
  let received = 0;
  second.on("data", (chunk) => (received += chunk.length)).on("error", () => {});
  await new Promise((resolve) => second.once("close", resolve));
  expect(received).toBe(0);
  first.destroy();
});

it("does not start with a file that cannot be read, and says which", async () => {
  const tls = { certFile: join(dir, "cert.pem"), keyFile: join(dir, "nothing.pem") };
  const error = await TestServer.start({}, { tls }).then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(StartupError);
  expect((error as StartupError).message).toContain("nothing.pem");
  expect((error as StartupError).hint).toContain("PAYBELL_TLS_KEY");
});
