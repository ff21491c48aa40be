/** Everybody comes back at once, as after a restart of a proxy. */
import { type WsLoadOptions, wsload } from "../generators.ts";
import { nativeTargets, withPaybell } from "../paybell.ts";
import { startReference } from "../reference.ts";
import { mustHold, type Sample, scenario } from "../scenario.ts";
import { linesFile } from "../temporary.ts";

interface StormSize extends Record<string, number> {
  rounds: number;
  clients: number;
  /** Handshakes under way at a time. */
  connecting: number;
}

const SECONDS_MAX = 120;

export const reconnectStorm = scenario<StormSize>({
  name: "reconnect-storm",
  title: "10,000 clients reconnect at once, each with a snapshot of its payment",
  about: [
    "All clients were connected once and were cut off. Counted from the first new connection to the last snapshot; each is",
    "read from the database. The Socket.IO server has nothing to read: its clients join a room and are told so.",
  ].join("\n"),
  unit: "ms",
  better: "lower",
  goal: null,
  size: { rounds: 3, clients: 10_000, connecting: 2_000 },
  small: { rounds: 1, clients: 200, connecting: 50 },
  plan: async (size) => ({
    subjects: [
      {
        name: "paybell, native stream",
        run: () =>
          withPaybell(async (paybell) => {
            const ids = await paybell.createStanding(size.clients);
            const targets = nativeTargets(ids.map((id) => `payment:${id}`));
            return storm(size, { port: paybell.port, targets, ready: '"snapshot"', match: '"snapshot"' });
          }),
      },
      { name: "socket.io, no snapshot", run: () => socketioRun(size) },
    ],
  }),
});

async function socketioRun(size: StormSize): Promise<Sample> {
  const server = await startReference("express-socketio");
  try {
    const targets = linesFile(
      Array.from(
        { length: size.clients },
        (_, index) => `/socket.io/?EIO=4&transport=websocket\t42${JSON.stringify(["subscribe", `payment-${index}`])}`,
      ),
    );
    return await storm(size, {
      port: server.port,
      targets,
      dialect: "socketio",
      ready: "subscribed",
      match: "subscribed",
    });
  } finally {
    await server.stop();
  }
}

async function storm(
  { clients, connecting }: StormSize,
  load: Omit<WsLoadOptions, "connections" | "seconds" | "frames">,
): Promise<Sample> {
  const all: WsLoadOptions = { ...load, connections: clients, connecting, "connect-seconds": SECONDS_MAX };
  await wsload({ ...all, seconds: 1 }).result();
  const back = await wsload({ ...all, frames: clients, seconds: SECONDS_MAX }).result();
  mustHold(back.refused === 0 && back.closed === 0, `${back.refused} were refused, ${back.closed} were cut off`);
  const tookMs = (back.lastUs - back.startUs) / 1_000;
  return {
    value: tookMs,
    details: {
      "clients/s": (clients / tookMs) * 1_000,
      "all open after ms": (back.allOpenUs - back.startUs) / 1_000,
      "generator CPU": back.cpuShare,
    },
  };
}
