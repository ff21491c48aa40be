/** Reference: a Socket.IO server that emits to a room, with its default settings. */
import { createServer } from "node:http";
import { Server } from "socket.io";
import { broadcast, broadcastOptions, listen } from "./broadcast.ts";

const { connections, rounds, bytes } = broadcastOptions();
/** `42["event","…"]` on the wire: the text is so much shorter that the payloads are of equal size. */
const text = "x".repeat(Math.max(1, bytes - '42["event",""]'.length));
const server = createServer();
const io = new Server(server);
let joined = 0;

io.on("connection", (socket) => {
  void socket.join("everybody");
  joined += 1;
  if (joined !== connections) return;
  const { conn } = socket;
  void broadcast({
    rounds,
    send: () => {
      io.to("everybody").emit("event", text);
    },
    // Packets wait in Engine.IO while the transport is busy, and only the newest are there: a count is all there is.
    bufferedBytes: () => (conn as unknown as { writeBuffer: unknown[] }).writeBuffer.length * bytes,
  });
});
listen(server);
