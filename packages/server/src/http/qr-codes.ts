/** QR codes of payment URIs, as SVG. A code takes milliseconds to make and is asked for again by every page that shows it. */
import { toString as draw } from "qrcode";

/** Some 5 kB each. */
const REMEMBERED = 500;
/** The quiet zone that scanners rely on, in modules. Source: ISO/IEC 18004, 9.1. */
const QUIET_ZONE = 4;
/** Readable with 15 % of it covered: a logo, a scratch, a finger. */
const ERROR_CORRECTION = "M";

export class QrCodes {
  /** The least recently used first. */
  readonly #made = new Map<string, string>();

  /** @param sizePx width and height */
  async svg(text: string, sizePx: number): Promise<string> {
    const code = this.#made.get(text) ?? (await this.#make(text));
    this.#made.delete(text);
    this.#made.set(text, code);
    if (this.#made.size > REMEMBERED) this.#made.delete(this.#made.keys().next().value as string);
    return code.replace("<svg ", `<svg width="${sizePx}" height="${sizePx}" `);
  }

  /** Without a size of its own. */
  async #make(text: string): Promise<string> {
    return draw(text, { type: "svg", errorCorrectionLevel: ERROR_CORRECTION, margin: QUIET_ZONE });
  }
}
