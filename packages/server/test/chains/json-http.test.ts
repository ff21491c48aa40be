/** The HTTP client of the chains against a server that misbehaves in every way. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { EndpointFailure } from "../../src/chains/following/block-source.ts";
import { JsonHttp, type JsonHttpOptions } from "../../src/chains/following/json-http.ts";

const SECRET = "pr0vider-key";
let server: Server;
let answer: RequestListener;
let stopping: AbortController;
let requests: { method: string; url: string; headers: IncomingMessage["headers"]; body: string }[];
let connections: number;

beforeEach(async () => {
  stopping = new AbortController();
  requests = [];
  connections = 0;
  answer = (_request, response) => json(response, { ok: true });
  server = createServer(async (request, response) => {
    let body = "";
    for await (const part of request) body += part;
    requests.push({ method: request.method ?? "", url: request.url ?? "", headers: request.headers, body });
    answer(request, response);
  });
  server.on("connection", () => {
    connections += 1;
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((closed) => server.close(closed));
});

const origin = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

function json(response: ServerResponse, value: unknown, status = 200, headers: Record<string, string> = {}): void {
  response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(value));
}

function client(options: Partial<JsonHttpOptions> = {}): JsonHttp {
  const url = `${origin()}/${SECRET}/?key=${SECRET}`;
  const headers = { "Api-Key": SECRET };
  return new JsonHttp({ url, headers, timeoutMs: 5_000, label: "The TRON node", ...options }, stopping.signal);
}

/** The failure of a question that must fail; it never shows a secret. */
async function failure(question: Promise<unknown>): Promise<EndpointFailure> {
  const error = await question.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!(error instanceof EndpointFailure)) throw new Error(`Not an EndpointFailure: ${error}`);
  expect(error.message).not.toContain(SECRET);
  return error;
}

describe("a question", () => {
  it("goes to the path after the URL's own, with its query and the headers, and is answered in JSON", async () => {
    expect(await client().post("/wallet/getblockbynum", { num: 7 })).toEqual({ ok: true });
    expect(requests[0]).toMatchObject({
      method: "POST",
      url: `/${SECRET}/wallet/getblockbynum?key=${SECRET}`,
      headers: { "api-key": SECRET, "content-type": "application/json" },
      body: '{"num":7}',
    });
    expect(await client().get("wallet/getnowblock")).toEqual({ ok: true });
    expect(requests[1]).toMatchObject({ method: "GET", url: `/${SECRET}/wallet/getnowblock?key=${SECRET}` });
  });

  it("takes credentials out of the URL", async () => {
    const url = origin().replace("//", `//alice:${SECRET}%21@`);
    const node = client({ url });
    await node.get("");
    const expected = `Basic ${Buffer.from(`alice:${SECRET}!`).toString("base64")}`;
    expect(requests[0]?.headers.authorization).toBe(expected);
    expect(node.name).toBe(`The TRON node at ${origin()}`);
  });

  it("is read by the caller's parser, for numbers beyond 2 ** 53", async () => {
    answer = (_request, response) => void response.end('{"amount":9007199254740993}');
    const lossless = (text: string) => BigInt(/\d+/.exec(text)?.[0] ?? "0");
    expect(await client().get("/x", lossless)).toBe(9007199254740993n);
  });

  it("goes over a line that is open already", async () => {
    const node = client();
    for (let asked = 0; asked < 20; asked += 1) await node.get("/x");
    // The second may be asked before the first one's line is free again.
    expect(connections).toBeLessThanOrEqual(2);
  });
});

describe("a node that does not answer as it should", () => {
  it("not within the deadline", async () => {
    answer = () => undefined;
    expect((await failure(client({ timeoutMs: 50 }).get("/x"))).message).toMatch(/within 50 ms: it hangs/);
  });

  it("with a body that stalls midway", async () => {
    answer = (_request, response) => void response.writeHead(200).write('{"half":');
    expect((await failure(client({ timeoutMs: 50 }).get("/x"))).message).toMatch(/completely within 50 ms/);
  });

  it("with a line that breaks in the middle of the body", async () => {
    answer = (_request, response) => {
      response.writeHead(200, { "content-length": "100" });
      response.write('{"half":', () => response.destroy());
    };
    expect((await failure(client().get("/x"))).message).toMatch(/cannot be reached \(\w+\): is it running/);
  });

  it("with something that is not JSON", async () => {
    answer = (_request, response) => void response.end("<html>Welcome</html>");
    expect((await failure(client().get("/x"))).message).toMatch(/not JSON: is the URL right/);
    answer = (_request, response) => void response.end();
    expect((await failure(client().get("/x"))).message).toMatch(/not JSON/);
  });

  it("with more than the limit, told or not, compressed or not", async () => {
    const large = JSON.stringify("x".repeat(10_000));
    const small = client({ maxBytes: large.length - 1 });
    answer = (_request, response) => void response.end(large);
    expect((await failure(small.get("/x"))).message).toMatch(/more than 10001 bytes/);
    answer = (_request, response) => void response.writeHead(200, { "content-encoding": "gzip" }).end(gzipSync(large));
    expect((await failure(small.get("/x"))).message).toMatch(/more than 10001 bytes/);
    expect(await client({ maxBytes: large.length }).get("/x")).toHaveLength(10_000);
  });

  it("with a redirection, which is not followed: it would take the key along", async () => {
    const elsewhere = `${origin()}/elsewhere`;
    answer = (_request, response) => void response.writeHead(308, { location: elsewhere }).end();
    expect((await failure(client().get("/x"))).message).toMatch(/HTTP 308: it redirects/);
    expect(requests).toHaveLength(1);
  });

  it("because nobody listens there", async () => {
    const url = origin();
    const node = client();
    await new Promise((closed) => server.close(closed));
    const { message } = await failure(node.get("/x"));
    expect(message).toBe(
      `The TRON node at ${url} cannot be reached (ECONNREFUSED): is it running, and is the URL right?`,
    );
  });

  it("because a header cannot be sent", async () => {
    const { message } = await failure(client({ headers: { key: `${SECRET}\n${SECRET}` } }).get("/x"));
    expect(message).toMatch(/check the headers/);
  });

  it("because the watcher stops", async () => {
    answer = () => stopping.abort();
    expect((await failure(client().get("/x"))).message).toMatch(/is not asked any more/);
    expect((await failure(client().get("/x"))).message).toMatch(/is not asked any more/);
    expect(requests).toHaveLength(1);
  });
});

describe("a refusal", () => {
  it.each([
    [401, /does not accept the credentials/],
    [403, /does not accept the key/],
    [404, /nothing at this URL/],
    [418, /HTTP 418: is the URL right/],
    [502, /cannot be reached/],
  ])("with HTTP %i says what to do, and that nobody need wait", async (status, words) => {
    answer = (_request, response) => json(response, { error: SECRET }, status);
    const refused = await failure(client().get("/x"));
    expect(refused.message).toMatch(words);
    expect(refused.retryAfterMs).toBeNull();
  });

  it.each([429, 503])("with HTTP %i says how long to leave the node alone", async (status) => {
    const waits = async (headers: Record<string, string>) => {
      answer = (_request, response) => json(response, {}, status, headers);
      return (await failure(client().get("/x"))).retryAfterMs;
    };
    const date = "Tue, 01 Dec 2026 10:00:00 GMT";
    expect(await waits({ "retry-after": "30" })).toBe(30_000);
    expect(await waits({ "retry-after": "1.5" })).toBe(1_500);
    expect(await waits({ "retry-after": "Tue, 01 Dec 2026 10:01:00 GMT", date })).toBe(60_000);
    expect(await waits({ "retry-after": "Tue, 01 Dec 2026 09:00:00 GMT", date })).toBe(0);
    expect(await waits({ "retry-after": "99999999999" })).toBe(86_400_000);
    expect(await waits({ "retry-after": "soon" })).toBeNull();
    expect(await waits({})).toBeNull();
  });
});
