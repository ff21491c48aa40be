/** Is the port free, or answered by the server of this directory? */
import { get as getPlain } from "node:http";
import { get as getTls } from "node:https";
import { createServer } from "node:net";
import type { Config } from "../../config/config.ts";
import { broken, type Finding, ok } from "./finding.ts";

const WITHIN_MS = 3_000;

/** @param running process id of the server on this directory, if there is one */
export async function portFinding(config: Config, running: string | null): Promise<Finding> {
  const { host, port } = config;
  const what = "port";
  if (port === 0) return ok(what, "any free one");
  const where = `${host}:${port}`;
  const problem = await whyNotFree(host, port);
  if (problem === null) return ok(what, `${where} is free`);
  if (problem === "EACCES") {
    return broken(what, `This user may not listen on ${where}.`, "Take a port from 1024 on, and a proxy before it.");
  }
  if (problem === "EADDRNOTAVAIL" || problem === "ENOTFOUND") {
    return broken(what, `${host} is no address of this machine.`, "Set PAYBELL_HOST to one, or to 0.0.0.0 for all.");
  }
  if (problem !== "EADDRINUSE") return broken(what, `${where} cannot be had (${problem}).`);
  if (running !== null && (await isAnswering(config)))
    return ok(what, `${where} answers: the server of this directory`);
  const toDo = "Stop that program, or choose another port: PAYBELL_PORT.";
  return broken(what, `${where} is taken by another program.`, toDo);
}

/** The error's code; `null`: it is free. */
function whyNotFree(host: string, port: number): Promise<string | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(null)));
  });
}

/** Its certificate is another finding's business. */
function isAnswering({ host, port, tls }: Config): Promise<boolean> {
  const name = host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "::1" : host;
  const options = { host: name, port, path: "/healthz", timeout: WITHIN_MS, agent: false };
  return new Promise((resolve) => {
    const request = (tls ? getTls : getPlain)(
      { ...options, ...(tls ? { rejectUnauthorized: false } : {}) },
      (answer) => {
        answer.resume();
        resolve(answer.statusCode === 200);
      },
    );
    request.on("timeout", () => request.destroy());
    request.on("error", () => resolve(false));
    request.on("close", () => resolve(false));
  });
}
