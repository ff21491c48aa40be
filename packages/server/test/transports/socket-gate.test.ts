import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { parseProcLimits } from "../../src/kit/descriptors.ts";
import { TrustedProxies } from "../../src/transports/client-address.ts";
import { RESERVED_DESCRIPTORS, SocketGate, type SocketGateOptions } from "../../src/transports/socket-gate.ts";
import { until } from "../../testkit/until.ts";
import { TestServer } from "../http/harness.ts";

const ends: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function guarded(options: Partial<SocketGateOptions>) {
  let refused = 0;
  const gate = new SocketGate({
    limits: { sockets: 100, socketsPerAddress: 100, pendingHandshakes: 100 },
    descriptors: null,
    proxies: new TrustedProxies([]),
    plain: true,
    onRefused: () => (refused += 1),
    ...options,
  });
  const server: Server = createServer((socket) => socket.on("error", () => undefined));
  gate.guard(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  ends.push(() => new Promise<void>((resolve) => server.close(() => resolve())));
  const { port } = server.address() as AddressInfo;
  const dial = () => {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => undefined).resume();
    ends.push(() => void socket.destroy());
    return socket;
  };
  return { gate, dial, refused: () => refused };
}

const closed = (socket: Socket) => new Promise((resolve) => socket.once("close", resolve));

describe("the gate", () => {
  it("leaves descriptors for the database where the system allows fewer than the limit", async () => {
    const { gate, dial, refused } = await guarded({ descriptors: RESERVED_DESCRIPTORS + 2 });
    const [first] = [dial(), dial()];
    await until("both", () => gate.total === 2);
    await closed(dial());
    expect([gate.total, refused()]).toEqual([2, 1]);
    first?.destroy();
    await until("the free place", () => gate.total === 1);
  });

  it("lets more in from a trusted proxy, behind which there are many clients", async () => {
    const limits = { sockets: 3, socketsPerAddress: 1, pendingHandshakes: 100 };
    const { gate, dial, refused } = await guarded({ limits, proxies: new TrustedProxies(["127.0.0.0/8"]) });
    for (let dialled = 0; dialled < 3; dialled += 1) dial();
    await until("all three", () => gate.total === 3);
    await closed(dial());
    expect(refused()).toBe(1);
  });
});

it.each([
  ["Max open files            1024                 524288               files     ", 1_024],
  ["Max open files            unlimited            unlimited            files     ", null],
  ["Max processes             1                    1                    processes ", null],
])("reads the limit of open files from %j", (line, expected) => {
  expect(parseProcLimits(`Limit                     Soft Limit           Hard Limit           Units\n${line}\n`)).toBe(
    expected,
  );
});

describe("a start with fewer descriptors than connections", () => {
  const most = { limits: { connections: 1_000_000_000 } };

  it("warns in live mode and says what to raise", async () => {
    const server = await TestServer.start({ PAYBELL_MODE: "live", PAYBELL_LOG_LEVEL: "warn" }, most);
    ends.push(() => server.stop());
    expect(server.log).toMatch(/"descriptors":\d+.*"connections":1000000000.*ulimit -n/);
  });

  it("is silent when there are enough, and in the sandbox, which has a handful of clients", async () => {
    for (const [mode, file] of [
      ["live", { limits: { connections: 10 } }],
      ["sandbox", most],
    ] as const) {
      const server = await TestServer.start({ PAYBELL_MODE: mode, PAYBELL_LOG_LEVEL: "warn" }, file);
      ends.push(() => server.stop());
      expect(server.log).toBe("");
    }
  });
});
