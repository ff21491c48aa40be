/** HTTP as bytes, for requests that no HTTP client would send. */
import { connect } from "node:net";

export interface RawAnswer {
  status: number;
  /** Names in lower case. */
  headers: Readonly<Record<string, string>>;
  body: string;
}

/** Nobody waits longer for the end of a connection; a bound against hanging, not an expectation. */
const DEADLINE_MS = 60_000;

/**
 * Sends the bytes, and reads until there is an answer, or the server waits for more that never comes; then hangs up.
 * @param quietMs after so long without a byte the server is taken to wait for more
 * @throws Error when the server does not end, or answers what is no HTTP
 */
export async function exchange(port: number, bytes: Buffer, quietMs = DEADLINE_MS): Promise<RawAnswer[]> {
  const received = await new Promise<Buffer>((resolve, reject) => {
    let all = Buffer.alloc(0);
    const socket = connect({ port, host: "127.0.0.1" });
    const hangUp = () => socket.end();
    const quiet = setTimeout(hangUp, quietMs);
    const deadline = setTimeout(() => {
      socket.destroy();
      reject(new Error(`No end within ${DEADLINE_MS} ms after ${JSON.stringify(bytes.toString("latin1"))}.`));
    }, DEADLINE_MS);
    socket.on("data", (chunk) => {
      all = Buffer.concat([all, chunk]);
      quiet.refresh();
      if (isComplete(all)) hangUp();
    });
    // A server may cut off who is still sending; what it said before counts.
    socket.on("error", () => socket.destroy());
    socket.on("close", () => {
      clearTimeout(quiet);
      clearTimeout(deadline);
      resolve(all);
    });
    socket.write(bytes);
  });
  return parseAnswers(received.toString("latin1"));
}

/** Is there one whole answer, or the head of a stream that has no end? */
function isComplete(received: Buffer): boolean {
  const [answer] = parseAnswers(received.toString("latin1"));
  if (!answer) return false;
  const { headers, body } = answer;
  if (headers["transfer-encoding"] === "chunked" && !isStream(headers)) return received.includes("0\r\n\r\n");
  return Buffer.byteLength(body) >= Number(headers["content-length"] ?? 0);
}

/** All answers on one connection, one behind the other. Those of status 100 are left out. */
export function parseAnswers(text: string): RawAnswer[] {
  const answers: RawAnswer[] = [];
  for (let rest = text; rest !== ""; ) {
    const [head = "", ...behind] = rest.split("\r\n\r\n");
    const [statusLine = "", ...lines] = head.split("\r\n");
    const status = Number(/^HTTP\/1\.1 ([0-9]{3}) /.exec(statusLine)?.[1]);
    // More of the head may come.
    if (behind.length === 0 && /^HTTP|^$/.test(rest.slice(0, 4))) return answers;
    if (!status) throw new Error(`This is no HTTP answer: ${JSON.stringify(rest.slice(0, 500))}`);
    const headers = Object.fromEntries(lines.map((line) => headerOf(line)));
    const { body, left } = bodyOf(behind.join("\r\n\r\n"), headers);
    // From here on it is another protocol.
    if (status === 101) return [...answers, { status, headers, body: "" }];
    if (status !== 100) answers.push({ status, headers, body: Buffer.from(body, "latin1").toString() });
    rest = left;
  }
  return answers;
}

function headerOf(line: string): [string, string] {
  const [name = "", value = ""] = line.split(/: ?(.*)/s, 2);
  return [name.toLowerCase(), value];
}

function bodyOf(text: string, headers: Readonly<Record<string, string>>): { body: string; left: string } {
  const length = headers["content-length"];
  if (length !== undefined) return { body: text.slice(0, Number(length)), left: text.slice(Number(length)) };
  if (headers["transfer-encoding"] !== "chunked") return { body: "", left: isStream(headers) ? "" : text };
  let body = "";
  for (let rest = text; ; ) {
    const size = Number.parseInt(rest, 16);
    const start = rest.indexOf("\r\n") + 2;
    // Cut off in the middle, or the last chunk.
    if (!(size > 0) || start < 2) return { body, left: rest.slice(start + 2) };
    body += rest.slice(start, start + size);
    rest = rest.slice(start + size + 2);
  }
}

function isStream(headers: Readonly<Record<string, string>>): boolean {
  return (headers["content-type"] ?? "").startsWith("text/event-stream");
}
