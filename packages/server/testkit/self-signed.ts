/** A fresh certificate for 127.0.0.1 and localhost, signed by itself. Source: RFC 5280, section 4.1. */
import { generateKeyPairSync, randomBytes, sign } from "node:crypto";

const SEQUENCE = 0x30;
const SET = 0x31;
const INTEGER = 0x02;
const BIT_STRING = 0x03;
const OCTET_STRING = 0x04;
const UTF8_STRING = 0x0c;
const UTC_TIME = 0x17;
/** `[n]` of a structure, and of a plain value. */
const explicit = (n: number) => 0xa0 + n;
const implicit = (n: number) => 0x80 + n;

const ECDSA_WITH_SHA256 = Buffer.from("06082a8648ce3d040302", "hex");
const COMMON_NAME = Buffer.from("0603550403", "hex");
const SUBJECT_ALT_NAME = Buffer.from("0603551d11", "hex");
const LOOPBACK = Buffer.from([127, 0, 0, 1]);

function der(tag: number, ...parts: (Buffer | string)[]): Buffer {
  const content = Buffer.concat(parts.map((part) => Buffer.from(part as string)));
  const { length } = content;
  const head = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...head]), content]);
}

function pem(label: string, content: Buffer): string {
  const lines = content
    .toString("base64")
    .replace(/(.{64})/g, "$1\n")
    .trimEnd();
  return `-----BEGIN ${label}-----\n${lines}\n-----END ${label}-----\n`;
}

/** Both as PEM. Valid from 2025 to 2049. */
export function selfSigned(): { cert: string; key: string } {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const algorithm = der(SEQUENCE, ECDSA_WITH_SHA256);
  const name = der(SEQUENCE, der(SET, der(SEQUENCE, COMMON_NAME, der(UTF8_STRING, "localhost"))));
  const names = der(SEQUENCE, der(implicit(2), "localhost"), der(implicit(7), LOOPBACK));
  const unsigned = der(
    SEQUENCE,
    der(explicit(0), der(INTEGER, Buffer.from([2]))),
    der(INTEGER, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    algorithm,
    name,
    der(SEQUENCE, der(UTC_TIME, "250101000000Z"), der(UTC_TIME, "491231235959Z")),
    name,
    publicKey.export({ type: "spki", format: "der" }),
    der(explicit(3), der(SEQUENCE, der(SEQUENCE, SUBJECT_ALT_NAME, der(OCTET_STRING, names)))),
  );
  const signature = der(BIT_STRING, Buffer.from([0]), sign("sha256", unsigned, privateKey));
  return {
    cert: pem("CERTIFICATE", der(SEQUENCE, unsigned, algorithm, signature)),
    key: privateKey.export({ type: "pkcs8", format: "pem" }) as string,
  };
}
