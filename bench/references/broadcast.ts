/** What the broadcasting references share: their options, and a loop that neither starves its sockets nor drowns them. */
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay, setImmediate as nextTurn } from "node:timers/promises";
import { parseArgs } from "node:util";

/** Unsent bytes of one client above which the loop waits. */
const BUFFERED_BYTES_MAX = 262_144;

export interface BroadcastOptions {
  connections: number;
  rounds: number;
  bytes: number;
}

export function broadcastOptions(): BroadcastOptions {
  const { values } = parseArgs({
    options: { connections: { type: "string" }, rounds: { type: "string" }, bytes: { type: "string" } },
  });
  return {
    connections: Number(values.connections ?? 1),
    rounds: Number(values.rounds ?? 0),
    bytes: Number(values.bytes ?? 240),
  };
}

/** Prints the port for the benchmark that started this program. */
export function listen(server: Server): void {
  server.listen({ port: 0, host: "127.0.0.1", backlog: 4096 }, () => {
    console.log(JSON.stringify({ port: (server.address() as AddressInfo).port }));
  });
}

export interface Broadcast {
  rounds: number;
  /** One frame to everybody. */
  send(): void;
  /** Bytes that wait for one client; all get the same, so any of them will do. */
  bufferedBytes(): number;
}

/** Sends round after round: a turn of the event loop between two rounds, a pause when the clients are behind. */
export async function broadcast({ rounds, send, bufferedBytes }: Broadcast): Promise<void> {
  for (let round = 0; round < rounds; round += 1) {
    send();
    await nextTurn();
    while (bufferedBytes() > BUFFERED_BYTES_MAX) await delay(1);
  }
}
