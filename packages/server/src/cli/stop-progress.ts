/** A drain in words, for the screen and the log. */
import type { DrainProgress } from "../transports/drain.ts";

export function stopProgress({ phase, untold, connections, sockets }: DrainProgress): string {
  switch (phase) {
    case "serving":
    case "notice":
      return `${count(connections, "client")} connected, nobody is told yet`;
    case "telling":
      return `${count(untold, "client")} still to be told`;
    case "finishing":
      return `waiting for ${count(connections, "client")} and ${count(sockets - connections, "request")}`;
    case "ended":
      return "all clients have left, the database is being closed";
  }
}

function count(number: number, noun: string): string {
  return `${Math.max(0, number)} ${noun}${number === 1 ? "" : "s"}`;
}
