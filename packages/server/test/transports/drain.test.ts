/** How clients are told to come back, and how the port is given up: evenly, once each, and within a time that no client
 * can stretch. */
import { createServer, type Server } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { defaultLimits } from "../../src/kit/limits.ts";
import { TrustedProxies } from "../../src/transports/client-address.ts";
import { Connections, type OpenConnection } from "../../src/transports/connections.ts";
import { type Cut, Drain } from "../../src/transports/drain.ts";
import { dueNow } from "../../src/transports/pace.ts";
import { SocketGate } from "../../src/transports/socket-gate.ts";
import { ManualClock } from "../../testkit/manual-clock.ts";
import { until } from "../../testkit/until.ts";

const STEP_MS = 20;

function someConnections(closeTimeoutMs = 200): Connections {
  const limits = { ...defaultLimits, closeTimeoutMs };
  const onError = (error: unknown) => {
    throw error;
  };
  return new Connections({ limits, clock: new ManualClock(0), onError });
}

describe("the pace", () => {
  const pauses = fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 40 });

  it("never runs ahead of the even line, tells everybody once, and makes up for a stall in steps", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 30_000 }),
        fc.integer({ min: 0, max: 20_000 }),
        pauses,
        (count, withinMs, waits) => {
          let [told, passedMs, steps] = [0, 0, 0];
          while (told < count) {
            const due = dueNow({ count, told, passedMs, withinMs, stepMs: STEP_MS });
            expect(due).toBeGreaterThanOrEqual(0);
            told += due;
            if (withinMs > 0) {
              expect(told).toBeLessThanOrEqual(Math.ceil((count * Math.min(passedMs, withinMs)) / withinMs));
              expect(due).toBeLessThanOrEqual(2 * Math.ceil((count * Math.min(STEP_MS, withinMs)) / withinMs));
            }
            passedMs += waits[steps % waits.length] as number;
            steps += 1;
          }
          expect(told).toBe(count);
        },
      ),
    );
  });

  it("is over when the time is over, where nothing held it up", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 30_000 }), fc.integer({ min: 1, max: 20_000 }), (count, withinMs) => {
        let told = 0;
        for (let passedMs = 0; passedMs < withinMs + STEP_MS; passedMs += STEP_MS) {
          told += dueNow({ count, told, passedMs, withinMs, stepMs: STEP_MS });
        }
        expect(told).toBe(count);
      }),
    );
  });
});

describe("telling the clients", () => {
  /** A client that is closed as soon as it is told. */
  function join(connections: Connections, onEnd: () => void): { leave(): void; ends: () => number } {
    const slot = connections.admit("test", null);
    let ends = 0;
    const connection: OpenConnection = {
      end: (code) => {
        ends += 1;
        expect(code).toBe("shutting_down");
        slot.release();
        onEnd();
      },
      beat: () => undefined,
    };
    slot.attach(connection);
    return { leave: () => slot.release(), ends: () => ends };
  }

  it("is spread evenly: at no time more than their share have been told, and each once", async () => {
    const connections = someConnections();
    const count = 500;
    const withinMs = 400;
    const line: [number, number][] = [];
    const startedMs = performance.now();
    const clients = Array.from({ length: count }, () =>
      join(connections, () => line.push([performance.now() - startedMs, line.length + 1])),
    );
    expect(await connections.drain({ withinMs })).toBe(0);
    expect(clients.map(({ ends }) => ends())).toEqual(clients.map(() => 1));
    for (const [atMs, told] of line) expect(told).toBeLessThanOrEqual(Math.ceil((count * atMs) / withinMs) + 1);
    expect(connections.untold).toBe(0);
  });

  it("tells who was let in at the last moment at once, and does not tell who has left", async () => {
    const connections = someConnections();
    const early = Array.from({ length: 20 }, () => join(connections, () => undefined));
    const late = connections.admit("test", null);
    const drained = connections.drain({ withinMs: 200 });
    let lateEnds = 0;
    const end = () => {
      lateEnds += 1;
      late.release();
    };
    late.attach({ end, beat: () => undefined });
    expect(lateEnds).toBe(1);
    const leavers = early.slice(-5);
    for (const client of leavers) client.leave();
    expect(await drained).toBe(0);
    expect(lateEnds).toBe(1);
    expect(leavers.map(({ ends }) => ends())).toEqual([0, 0, 0, 0, 0]);
    expect(early.slice(0, 15).every(({ ends }) => ends() === 1)).toBe(true);
  });
});

describe("giving up the port", () => {
  const open: { server: Server; sockets: Socket[] }[] = [];
  afterEach(() => {
    for (const { server, sockets } of open.splice(0)) {
      for (const socket of sockets) socket.destroy();
      server.closeAllConnections();
    }
  });

  /** A server whose answers wait for `answer()`. */
  async function serve(given: { noticeMs?: number; spreadMs?: number; closeTimeoutMs?: number } = {}) {
    const { noticeMs = 0, spreadMs = 0, closeTimeoutMs = 5_000 } = given;
    const waiting: (() => void)[] = [];
    const server = createServer((_request, response) => waiting.push(() => response.end("done")));
    const gate = new SocketGate({
      limits: defaultLimits,
      descriptors: null,
      proxies: new TrustedProxies([]),
      plain: true,
      onRefused: () => undefined,
    });
    gate.guard(server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const cuts: Cut[] = [];
    const connections = someConnections(closeTimeoutMs);
    const onCut = (cut: Cut) => cuts.push(cut);
    const drain = new Drain({ server, connections, gate, noticeMs, spreadMs, closeTimeoutMs, onCut });
    const sockets: Socket[] = [];
    open.push({ server, sockets });
    const dial = async (text = "") => {
      const socket = connect(port, "127.0.0.1");
      sockets.push(socket);
      let received = "";
      socket.on("data", (bytes) => {
        received += bytes.toString();
      });
      const closed = new Promise<string>((resolve) => socket.once("close", () => resolve(received)));
      // A refusal is what some of these wait for; `close` follows it.
      socket.on("error", () => undefined);
      const there = new Promise<boolean>((resolve) => {
        socket.once("connect", () => resolve(true));
        socket.once("close", () => resolve(false));
      });
      if (text !== "") socket.write(text);
      return { socket, closed, connected: await there };
    };
    return { drain, cuts, connections, waiting, dial, gate };
  }

  const REQUEST = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";

  it("answers what is under way, takes nobody new, and ends with the last answer", async () => {
    const { drain, cuts, waiting, dial } = await serve();
    const client = await dial(REQUEST);
    await until("the request", () => waiting.length === 1);
    const drained = drain.run();
    await until("the port to be closed", async () => !(await dial()).connected);
    expect(drain.progress).toMatchObject({ phase: "finishing", sockets: 1 });
    waiting[0]?.();
    await drained;
    expect(await client.closed).toMatch(/^HTTP\/1.1 200 .*done$/s);
    expect([cuts, drain.progress.phase]).toEqual([[], "ended"]);
  });

  it("goes on as before during the notice, and says from the first moment that it stops", async () => {
    const { drain, waiting, dial } = await serve({ noticeMs: 300 });
    const drained = drain.run();
    expect([drain.isStopping, drain.isLeaving]).toEqual([true, false]);
    const client = await dial(REQUEST);
    expect(client.connected).toBe(true);
    await until("its request", () => waiting.length === 1);
    waiting[0]?.();
    await drained;
    expect(await client.closed).toContain("done");
    expect(drain.isLeaving).toBe(true);
  });

  it("with a notice, keeps the port open for those who are still to be told, and closes it behind them", async () => {
    const { drain, connections, dial } = await serve({ noticeMs: 20, spreadMs: 300 });
    const told: boolean[] = [];
    for (let nth = 0; nth < 4; nth += 1) {
      const slot = connections.admit("test", null);
      const end = () => {
        void dial().then(({ connected }) => {
          told.push(connected);
          slot.release();
        });
      };
      slot.attach({ end, beat: () => undefined });
    }
    await drain.run();
    expect(told).toEqual([true, true, true, true]);
    expect((await dial()).connected).toBe(false);
  });

  it("does not wait for connections on which nothing was asked", async () => {
    const { drain, cuts, waiting, dial } = await serve({ closeTimeoutMs: 60_000 });
    await dial();
    const idle = await dial(REQUEST);
    await until("the request", () => waiting.length === 1);
    waiting[0]?.();
    await until("the answer", () => idle.socket.bytesRead > 0);
    await drain.run();
    expect(cuts).toEqual([]);
  });

  it("does not wait long for half a request head", async () => {
    const { drain, cuts, dial, gate } = await serve({ closeTimeoutMs: 60_000 });
    await dial("GET / HTTP/1.1\r\nHost:");
    await until("its connection", () => gate.total === 1);
    await drain.run();
    expect(cuts).toEqual([]);
  });

  it("cuts who never finishes, and says what was cut", async () => {
    const { drain, cuts, connections, waiting, dial } = await serve({ closeTimeoutMs: 50 });
    const stuck = await dial(REQUEST);
    await until("the request", () => waiting.length === 1);
    const slot = connections.admit("native", null);
    slot.attach({ end: () => undefined, beat: () => undefined });
    await drain.run();
    expect(cuts).toEqual([{ connections: { native: 1 }, sockets: 1 }]);
    expect(await stuck.closed).toBe("");
    slot.release();
  });

  it("is one drain, however often it is asked for", async () => {
    const { drain } = await serve();
    expect(drain.run()).toBe(drain.run());
    await drain.run();
  });
});
