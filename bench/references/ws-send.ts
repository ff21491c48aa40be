/** Reference: `ws`, as its documentation broadcasts: `client.send(text)` for each client. */
import { createServer } from "node:http";
import { type WebSocket, WebSocketServer } from "ws";
import { broadcast, broadcastOptions, listen } from "./broadcast.ts";

const { connections, rounds, bytes } = broadcastOptions();
const text = "x".repeat(bytes);
const clients: WebSocket[] = [];
const server = createServer();

new WebSocketServer({ server }).on("connection", (socket) => {
  clients.push(socket);
  if (clients.length !== connections) return;
  void broadcast({
    rounds,
    send: () => {
      for (const client of clients) client.send(text);
    },
    bufferedBytes: () => clients[0]?.bufferedAmount ?? 0,
  });
});
listen(server);
