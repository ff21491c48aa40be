/** Reference: `ws` for the handshake; the frame is encoded once and written to every socket. */
import { createServer } from "node:http";
import type { Duplex } from "node:stream";
import { WebSocketServer } from "ws";
import { broadcast, broadcastOptions, listen } from "./broadcast.ts";

const { connections, rounds, bytes } = broadcastOptions();
const frame = textFrame(Buffer.alloc(bytes, "x"));
const sockets: Duplex[] = [];
const server = createServer();
const handshake = new WebSocketServer({ noServer: true });

server.on("upgrade", (request, socket, head) => {
  handshake.handleUpgrade(request, socket, head, () => {
    sockets.push(socket);
    if (sockets.length !== connections) return;
    void broadcast({
      rounds,
      send: () => {
        for (const client of sockets) client.write(frame);
      },
      bufferedBytes: () => sockets[0]?.writableLength ?? 0,
    });
  });
});
listen(server);

/** An unmasked text frame (RFC 6455, 5.2). */
function textFrame(payload: Buffer): Buffer {
  const head = payload.length < 126 ? Buffer.alloc(2) : Buffer.alloc(4);
  head[0] = 0x81;
  if (payload.length < 126) {
    head[1] = payload.length;
  } else {
    head[1] = 126;
    head.writeUInt16BE(payload.length, 2);
  }
  return Buffer.concat([head, payload]);
}
