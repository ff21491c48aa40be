/** What a client costs that is there and hears nothing. */
import { setTimeout as delay } from "node:timers/promises";
import { type WsLoadOptions, wsload } from "../generators.ts";
import { nativeTargets, withPaybell } from "../paybell.ts";
import { residentBytes } from "../process-tree.ts";
import { type ReferenceName, startReference } from "../reference.ts";
import { type Sample, scenario } from "../scenario.ts";

interface IdleSize extends Record<string, number> {
  rounds: number;
  clients: number;
  /** Seconds of quiet before memory is read, so that what the handshakes needed can be collected. */
  quiet: number;
}

/** They come and go first, so that code and buffers that the first clients need are not counted. */
const FIRST_CLIENTS = 500;
const SECONDS_MAX = 600;

export const idleMemory = scenario<IdleSize>({
  name: "idle-memory",
  title: "Memory of an idle connection",
  about: [
    "Resident memory of the server's process tree, with the clients connected less before (when the first 500 had come",
    "and gone), divided by their number. Kernel memory is not in it, and is the same for all.",
  ].join("\n"),
  unit: "bytes/client",
  better: "lower",
  goal: "at most 12 kB for a native connection",
  size: { rounds: 3, clients: 10_000, quiet: 5 },
  small: { rounds: 1, clients: 500, quiet: 1 },
  plan: async (size) => ({
    subjects: [
      {
        name: "paybell, connected",
        run: () => withPaybell(({ port, pid }) => measure(size, pid, { port, path: "/v1/stream" })),
      },
      {
        name: "paybell, following a payment each",
        run: () =>
          withPaybell(async (paybell) => {
            const ids = await paybell.createStanding(size.clients);
            const targets = nativeTargets(ids.map((id) => `payment:${id}`));
            return measure(size, paybell.pid, { port: paybell.port, targets, ready: '"snapshot"' });
          }),
      },
      reference(size, "ws-send", { path: "/" }),
      reference(size, "socketio-room", { dialect: "socketio", path: "/socket.io/?EIO=4&transport=websocket" }),
    ],
  }),
});

function reference(size: IdleSize, name: ReferenceName, load: Partial<WsLoadOptions>) {
  return {
    name: `${name}, connected`,
    run: async () => {
      const server = await startReference(name);
      try {
        return await measure(size, server.pid, { port: server.port, ...load });
      } finally {
        await server.stop();
      }
    },
  };
}

async function measure(
  size: IdleSize,
  pid: number,
  load: Omit<WsLoadOptions, "connections" | "seconds">,
): Promise<Sample> {
  await wsload({ ...load, connections: Math.min(FIRST_CLIENTS, size.clients), seconds: 1 }).result();
  await delay(size.quiet * 1_000);
  const before = residentBytes(pid);
  const clients = wsload({ ...load, connections: size.clients, seconds: SECONDS_MAX });
  try {
    await clients.ready();
    await delay(size.quiet * 1_000);
    const after = residentBytes(pid);
    return {
      value: (after - before) / size.clients,
      details: { "MB before": before / 1e6, "MB with clients": after / 1e6 },
    };
  } finally {
    await clients.stop();
  }
}
