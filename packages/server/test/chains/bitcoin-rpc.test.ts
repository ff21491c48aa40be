/** The JSON-RPC client against a server that behaves like bitcoind's. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { NodeUnreachable, RpcClient, type RpcOptions } from "../../src/chains/bitcoin/rpc.ts";
import { RpcError } from "../../src/chains/bitcoin/rpc-answer.ts";
import { RpcRefusal, RpcServer } from "../../testkit/bitcoind/rpc-server.ts";

const SECRET = "correct horse";
let server: RpcServer;
let credentials: string;
let directory: string;
let stopping: AbortController;

beforeEach(async () => {
  credentials = `alice:${SECRET}`;
  server = new RpcServer(
    async (method, params) => {
      if (method === "echo") return params;
      if (method === "null") return null;
      if (method === "warm-up") throw new RpcRefusal(-28, "Loading block index…");
      throw new RpcRefusal(-32601, "Method not found");
    },
    () => credentials,
  );
  await server.listen();
  directory = await mkdtemp(join(tmpdir(), "paybell-rpc-"));
  stopping = new AbortController();
});

afterEach(async () => {
  await server.close();
  await rm(directory, { recursive: true });
});

function client(options: Partial<RpcOptions> = {}): RpcClient {
  return new RpcClient(
    { url: server.url, user: "alice", password: SECRET, cookieFile: null, timeoutMs: 5_000, ...options },
    stopping.signal,
  );
}

/** The error of a call that must fail. */
async function failure(call: Promise<unknown>): Promise<Error> {
  const error = await call.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!(error instanceof Error)) throw new Error("The call has not failed.");
  expect(error.message).not.toContain(SECRET);
  return error;
}

describe("a call", () => {
  it("gives the node's answer, also when that is null", async () => {
    expect(await client().call("echo", [1, "two", { three: null }])).toEqual([1, "two", { three: null }]);
    expect(await client().call("null")).toBeNull();
  });

  it("that is refused names the method, the node's code and words, and what to do", async () => {
    const refused = await failure(client().call("nonsense"));
    expect(refused).toBeInstanceOf(RpcError);
    expect(refused).toMatchObject({ method: "nonsense", code: -32601 });
    expect(refused.message).toMatch(/refused nonsense: Method not found \(code -32601\).*-rpcwhitelist/);
    expect((await failure(client().call("warm-up"))).message).toMatch(/still starting/);
  });

  it("takes credentials from the URL, and never shows them", async () => {
    const url = server.url.replace("//", `//alice:${encodeURIComponent(SECRET)}@`);
    expect(await client({ url, user: null, password: null }).call("echo", [])).toEqual([]);
    await server.close();
    const unreachable = await failure(client({ url, user: null, password: null }).call("echo"));
    expect(unreachable).toBeInstanceOf(NodeUnreachable);
    expect(unreachable.message).toContain(`bitcoind at ${server.url} cannot be reached (ECONNREFUSED)`);
  });

  it("with wrong credentials says which settings to check", async () => {
    credentials = "alice:other";
    expect((await failure(client().call("echo"))).message).toMatch(/rpcUser and rpcPassword, or rpcCookieFile/);
  });

  it("to a node that hangs fails within its time, naming the method", async () => {
    server.hanging = true;
    const hung = await failure(client({ timeoutMs: 50 }).call("getblockchaininfo"));
    expect(hung).toBeInstanceOf(NodeUnreachable);
    expect(hung.message).toMatch(/has not answered getblockchaininfo within 50 ms/);
  });

  it("ends when it is stopped", async () => {
    server.hanging = true;
    const call = failure(client().call("echo"));
    stopping.abort();
    expect(await call).toBeInstanceOf(NodeUnreachable);
  });

  it.each([
    [200, "<html>It works!</html>", /HTTP 200 without JSON; is there a bitcoind at rpcUrl/],
    [403, "", /-rpcallowip/],
    [503, "Work queue depth exceeded", /-rpcworkqueue/],
    [500, "null", /HTTP 500 without JSON/],
  ])("that is answered with HTTP %s and %j is an error that says what to do", async (status, body, advice) => {
    server.raw = { status, body };
    const error = await failure(client().call("echo"));
    expect(error).toBeInstanceOf(NodeUnreachable);
    expect(error.message).toMatch(advice);
  });
});

describe("a cookie file", () => {
  it("is read again when the node was restarted", async () => {
    const cookieFile = join(directory, ".cookie");
    const withCookie = client({ cookieFile, user: null, password: null });
    for (const cookie of ["__cookie__:first", "__cookie__:second"]) {
      credentials = cookie;
      await writeFile(cookieFile, `${cookie}\n`);
      expect(await withCookie.call("echo", [cookie])).toEqual([cookie]);
    }
  });

  it("that cannot be read is named", async () => {
    const error = await failure(client({ cookieFile: join(directory, "none") }).call("echo"));
    expect(error.message).toMatch(/cookie file of bitcoind cannot be read.*none/);
  });
});

describe("a batch", () => {
  it("gives results in the order of the calls, and refusals among them", async () => {
    const results = await client().batch([
      { method: "echo", params: [1] },
      { method: "nonsense", params: [] },
      { method: "null", params: [] },
    ]);
    expect(results).toEqual([[1], expect.any(RpcError), null]);
    expect(results[1]).toMatchObject({ method: "nonsense", code: -32601 });
  });

  it("of nothing asks nothing", async () => {
    await server.close();
    expect(await client().batch([])).toEqual([]);
  });

  it("may be answered in any order, but completely", async () => {
    const calls = [
      { method: "echo", params: [] },
      { method: "echo", params: [] },
    ];
    const reply = (id: number) => ({ result: `answer ${id}`, error: null, id });
    server.raw = { status: 200, body: JSON.stringify([reply(1), reply(0)]) };
    expect(await client().batch(calls)).toEqual(["answer 0", "answer 1"]);
    server.raw = { status: 200, body: JSON.stringify([reply(1)]) };
    expect((await failure(client().batch(calls))).message).toMatch(/no answer to call 0/);
  });

  it("that is refused as a whole fails as a call does", async () => {
    server.raw = {
      status: 500,
      body: JSON.stringify({ result: null, error: { code: -28, message: "Verifying blocks…" }, id: null }),
    };
    expect(await failure(client().batch([{ method: "echo", params: [] }]))).toMatchObject({ code: -28 });
    server.raw = { status: 200, body: JSON.stringify({ result: 1, error: null, id: 0 }) };
    const odd = await failure(client().batch([{ method: "echo", params: [] }]));
    expect(odd.message).toMatch(/one answer instead of a list/);
  });
});
