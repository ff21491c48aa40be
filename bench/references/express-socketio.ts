/**
 * Reference: what many shops run today. Express takes the observation, Socket.IO tells the room, nothing is kept: no
 * disk, no check, no order, no replay.
 */
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import express from "express";
import { Server } from "socket.io";
import { listen } from "./broadcast.ts";

interface Observation {
  paymentId: string;
  txId: string;
  amount: string;
}

const app = express();
const server = createServer(app);
const io = new Server(server);

io.on("connection", (socket) => {
  socket.on("subscribe", (paymentId: string) => {
    void socket.join(`payment:${paymentId}`);
    socket.emit("subscribed", paymentId);
  });
});

app.use(express.json({ limit: "1mb" }));
app.post("/v1/observations", (request, response) => {
  const observations = [request.body as Observation | Observation[]].flat();
  for (const observation of observations) {
    const { paymentId } = observation;
    const at = new Date().toISOString();
    io.to(`payment:${paymentId}`).emit("event", {
      id: randomUUID(),
      type: "transfer.seen",
      paymentId,
      at,
      data: observation,
    });
  }
  response.json({ recorded: observations.length });
});
listen(server);
