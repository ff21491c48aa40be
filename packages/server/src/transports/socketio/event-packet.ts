/** Events as bytes. Source: Socket.IO protocol 5 ("EVENT", type 2) inside Engine.IO protocol 4 ("message", type 4). */
import { textFrame } from "../websocket/frame.ts";
import type { EventPacket } from "./connection.ts";

const SOCKET_IO_EVENT = "2";
const ENGINE_IO_MESSAGE = "4";

/**
 * An event of the main namespace, encoded once for any number of sockets.
 * @param args JSON only; nothing binary
 * @param offset the last argument, where given: clients from 4.6 on keep it and send it back when they reconnect
 *   (`Session.offset`). Listeners get it as an argument more.
 */
export function eventPacket(name: string, args: readonly unknown[], offset?: string): EventPacket {
  const encoded = SOCKET_IO_EVENT + JSON.stringify(offset === undefined ? [name, ...args] : [name, ...args, offset]);
  return { encoded, frame: textFrame(ENGINE_IO_MESSAGE + encoded) };
}
