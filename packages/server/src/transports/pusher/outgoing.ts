/** What a client is sent: made once, in the form that each binding needs, however many get it. */
import { randomBytes } from "node:crypto";
import { xsalsa20poly1305 } from "@noble/ciphers/salsa.js";
import type { Frame } from "../websocket/connection.ts";
import { textFrame } from "../websocket/frame.ts";
import type { PusherApp } from "./apps.ts";
import type { ChannelEvent, ChannelName } from "./channels.ts";
import { sharedSecret } from "./signatures.ts";

export class Outgoing {
  readonly #text: string;
  #frame: Frame | null = null;
  #quoted: string | null = null;
  #quotedBytes: number | null = null;

  constructor(message: object) {
    this.#text = JSON.stringify(message);
  }

  /** For a WebSocket. */
  get frame(): Frame {
    this.#frame ??= textFrame(this.#text);
    return this.#frame;
  }

  /** A JSON string of the message, for an array of messages. */
  get quoted(): string {
    this.#quoted ??= JSON.stringify(this.#text);
    return this.#quoted;
  }

  /** The size of `quoted`. */
  get quotedBytes(): number {
    this.#quotedBytes ??= Buffer.byteLength(this.quoted);
    return this.#quotedBytes;
  }
}

/** By event, then by channel, and by app where that makes a difference. */
const encoded = new WeakMap<ChannelEvent, Map<string, Outgoing>>();
const NONCE_BYTES = 24;

/** The same for all who get this very object on this channel. */
export function encodeEvent(event: ChannelEvent, channel: ChannelName, app: PusherApp): Outgoing {
  let perChannel = encoded.get(event);
  if (!perChannel) {
    perChannel = new Map();
    encoded.set(event, perChannel);
  }
  const key = channel.kind === "private-encrypted" ? `${app.id}:${channel.full}` : channel.full;
  let outgoing = perChannel.get(key);
  if (!outgoing) {
    outgoing = new Outgoing({ event: event.name, channel: channel.full, data: dataOf(event, channel, app) });
    perChannel.set(key, outgoing);
  }
  return outgoing;
}

/** On an encrypted channel a NaCl secretbox. */
function dataOf({ data }: ChannelEvent, channel: ChannelName, app: PusherApp): string {
  if (channel.kind !== "private-encrypted") return data;
  if (app.encryptionMasterKey === null) throw new Error(`The app ${app.id} has no encryption master key.`);
  const nonce = randomBytes(NONCE_BYTES);
  const box = xsalsa20poly1305(sharedSecret(channel, app.encryptionMasterKey), nonce).encrypt(Buffer.from(data));
  return JSON.stringify({ nonce: nonce.toString("base64"), ciphertext: Buffer.from(box).toString("base64") });
}
