/** WebSocket frames as bytes, right ones and wrong ones, on a bare connection. Source: RFC 6455, section 5.2. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { handshake } from "../transport-server.ts";

export const OPCODES = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

export interface FrameParts {
  /** Default: text. */
  opcode?: number;
  payload?: Buffer | string;
  /** Last frame of its message; default yes. */
  fin?: boolean;
  /** The three reserved bits, 0 to 7. */
  reserved?: number;
  /** Clients must mask; default yes. */
  masked?: boolean;
  /** What the header says; default: the payload's. */
  length?: bigint;
}

const MASK = Buffer.from([0x12, 0x34, 0x56, 0x78]);

export function frame(parts: FrameParts): Buffer {
  const { opcode = OPCODES.text, fin = true, reserved = 0, masked = true } = parts;
  const payload = Buffer.from(parts.payload ?? "");
  const length = parts.length ?? BigInt(payload.length);
  const first = (fin ? 0x80 : 0) | (reserved << 4) | opcode;
  const mask = masked ? MASK : Buffer.alloc(0);
  const body = masked ? payload.map((byte, place) => byte ^ (MASK[place % 4] as number)) : payload;
  return Buffer.concat([Buffer.from([first]), lengthBytes(length, masked), mask, body]);
}

function lengthBytes(length: bigint, masked: boolean): Buffer {
  const flag = masked ? 0x80 : 0;
  if (length < 126n) return Buffer.from([flag | Number(length)]);
  const bytes = Buffer.alloc(length < 65_536n ? 3 : 9, flag | (length < 65_536n ? 126 : 127));
  if (bytes.length === 3) bytes.writeUInt16BE(Number(length), 1);
  else bytes.writeBigUInt64BE(length, 1);
  return bytes;
}

export interface ReceivedFrame {
  opcode: number;
  text: string;
  /** Of a close frame; 1005 when it has none. */
  closeCode: number | null;
}

/** A client that sends whatever bytes it is told to, and keeps what comes. */
export class RawWebSocket {
  readonly socket: Socket;
  /** Resolves when the connection is gone. */
  readonly gone: Promise<void>;
  #received = Buffer.alloc(0);

  private constructor(socket: Socket) {
    this.socket = socket;
    // A server may cut off who is still sending; what it said before counts.
    socket.on("error", () => socket.destroy());
    socket.on("data", (chunk) => {
      this.#received = Buffer.concat([this.#received, chunk]);
    });
    this.gone = new Promise((resolve) => socket.once("close", () => resolve()));
  }

  /** @throws Error when the upgrade is refused */
  static async open(port: number, path: string, headers: readonly string[] = []): Promise<RawWebSocket> {
    const client = new RawWebSocket(connect(port, "127.0.0.1"));
    client.socket.write(handshake(path, headers));
    while (!client.#received.includes("\r\n\r\n")) {
      if (client.socket.destroyed) throw new Error(`The connection to ${path} was ended during its handshake.`);
      await Promise.race([once(client.socket, "data"), client.gone]);
    }
    const end = client.#received.indexOf("\r\n\r\n") + 4;
    const head = client.#received.toString("latin1", 0, end);
    if (!head.startsWith("HTTP/1.1 101 ")) throw new Error(`The upgrade of ${path} was refused: ${head}`);
    client.#received = client.#received.subarray(end);
    return client;
  }

  send(...frames: Buffer[]): void {
    this.socket.write(Buffer.concat(frames));
  }

  /** The server's frames so far. */
  get frames(): ReceivedFrame[] {
    const frames: ReceivedFrame[] = [];
    for (let at = 0; ; ) {
      const next = frameAt(this.#received, at);
      if (!next) return frames;
      frames.push(next.frame);
      at = next.end;
    }
  }

  /** The text messages so far, as JSON. */
  get messages(): Record<string, unknown>[] {
    return this.frames
      .filter(({ opcode }) => opcode === OPCODES.text)
      .map(({ text }) => JSON.parse(text) as Record<string, unknown>);
  }

  /** The code with which the server has closed; `null` while it has not. */
  get closeCode(): number | null {
    return this.frames.find(({ opcode }) => opcode === OPCODES.close)?.closeCode ?? null;
  }

  destroy(): void {
    this.socket.destroy();
  }
}

/** Servers send unmasked, whole messages. `null`: not all of it has come. */
function frameAt(bytes: Buffer, at: number): { frame: ReceivedFrame; end: number } | null {
  if (bytes.length < at + 2) return null;
  const opcode = bytes.readUInt8(at) & 0x0f;
  const short = bytes.readUInt8(at + 1);
  const extra = short < 126 ? 0 : short === 126 ? 2 : 8;
  if (bytes.length < at + 2 + extra) return null;
  const length = extra === 0 ? short : extra === 2 ? bytes.readUInt16BE(at + 2) : Number(bytes.readBigUInt64BE(at + 2));
  const start = at + 2 + extra;
  const end = start + length;
  if (bytes.length < end) return null;
  const payload = bytes.subarray(start, end);
  const closeCode = opcode !== OPCODES.close ? null : payload.length < 2 ? 1005 : payload.readUInt16BE(0);
  return { frame: { opcode, text: payload.toString(), closeCode }, end };
}
