/** What Crypto Shop's samples expect of the page that they are in, and of its browser. */
import type { PageFile } from "./chromium.ts";

/** Sound and icon, as a shop has them. */
export const SHOP_FILES: Record<string, PageFile> = {
  "/notification.mp3": { type: "audio/wav", body: silence() },
  "/icon.png": { type: "image/gif", body: Buffer.from("R0lGODlhAQABAAAAACw=", "base64") },
};

/** Sees what the browser is asked to show and play. Nothing is replaced: the real ones are made underneath. */
export const WATCH_BROWSER = `
  window.Notification = class extends Notification {
    constructor(title, options) {
      super(title, options);
      globalThis.lastNotification = this;
      console.log("notification: " + title + ": " + options.body);
    }
  };
  window.Audio = class extends Audio {
    constructor(url) {
      super(url);
      this.addEventListener("playing", () => console.log("playing " + url));
    }
  };
`;

/** A tenth of a second, as a WAV file. */
function silence(): Buffer {
  const samples = Buffer.alloc(800, 128);
  const head = Buffer.alloc(44);
  head.write("RIFF\0\0\0\0WAVEfmt ", 0, "latin1");
  head.writeUInt32LE(36 + samples.length, 4);
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(1, 20);
  head.writeUInt16LE(1, 22);
  head.writeUInt32LE(8_000, 24);
  head.writeUInt32LE(8_000, 28);
  head.writeUInt16LE(1, 32);
  head.writeUInt16LE(8, 34);
  head.write("data", 36, "latin1");
  head.writeUInt32LE(samples.length, 40);
  return Buffer.concat([head, samples]);
}
