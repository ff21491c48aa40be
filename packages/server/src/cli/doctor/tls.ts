/** The certificate and its key: there, belonging together, in time. */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { Config } from "../../config/config.ts";
import { messageOf } from "../../kit/errors.ts";
import { broken, type Finding, ok, warning } from "./finding.ts";

const DAY_MS = 86_400_000;
const SOON_DAYS = 14;

/** `null`: no TLS is configured. */
export async function tlsFinding({ tls }: Pick<Config, "tls">, nowMs: number): Promise<Finding | null> {
  if (!tls) return null;
  const what = "tls";
  const [cert, key] = await Promise.all([readPem(tls.certFile), readPem(tls.keyFile)]);
  for (const pem of [cert, key]) {
    if (pem instanceof Error) return broken(what, pem.message, "Check PAYBELL_TLS_CERT and PAYBELL_TLS_KEY.");
  }
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(cert as Buffer);
    if (!certificate.checkPrivateKey(createPrivateKey(key as Buffer))) {
      return broken(what, "The key does not belong to the certificate.", "Take both from the same issuance.");
    }
  } catch (error) {
    const toDo = "Give a certificate and an unencrypted private key as PEM.";
    return broken(what, `One of the files cannot be used: ${messageOf(error)}.`, toDo);
  }
  return timeFinding(certificate, nowMs);
}

function timeFinding({ subjectAltName, subject, validFromDate, validToDate }: X509Certificate, nowMs: number): Finding {
  const what = "tls";
  const names = subjectAltName ?? subject;
  const until = validToDate.toISOString().slice(0, 10);
  if (validFromDate.getTime() > nowMs) {
    return broken(what, `The certificate is good only from ${validFromDate.toISOString()}.`, "Is the clock right?");
  }
  const days = Math.floor((validToDate.getTime() - nowMs) / DAY_MS);
  if (days < 0) return broken(what, `The certificate expired on ${until}.`, "Renew it, and restart the server.");
  const found = `${names}, until ${until}`;
  return days < SOON_DAYS
    ? warning(what, `${found}: ${days} days.`, "Renew it, and restart the server.")
    : ok(what, found);
}

function readPem(path: string): Promise<Buffer | Error> {
  return readFile(path).catch((error: unknown) => new Error(`${path} cannot be read: ${messageOf(error)}.`));
}
