/**
 * What a JSON-RPC server answers: text → results. Whoever answers may be no bitcoind at all, so nothing is believed
 * before it was looked at. Source: Bitcoin Core `doc/JSON-RPC-interface.md`, JSON-RPC 1.0 and 2.0.
 */

/** The node answered, and refused. */
export class RpcError extends Error {
  override readonly name = "RpcError";
  readonly method: string;
  /** bitcoind's code, for example −5 "not found", −28 "still starting". */
  readonly code: number;

  constructor(method: string, code: number, nodeMessage: string) {
    const advice = ADVICE[code];
    super(`bitcoind refused ${method}: ${nodeMessage} (code ${code})${advice ? `; ${advice}` : ""}.`);
    this.method = method;
    this.code = code;
  }
}

/** JSON, but not of the form of an answer. The message says what it is instead. */
export class MalformedAnswer extends Error {
  override readonly name = "MalformedAnswer";
}

export const RPC_NOT_FOUND = -5;
/** A parameter that the node does not take: a height above its tip, an id that is none. */
export const RPC_INVALID_PARAMETER = -8;
const RPC_METHOD_NOT_FOUND = -32601;
const RPC_WARMING_UP = -28;

const ADVICE: Readonly<Record<number, string>> = {
  [RPC_WARMING_UP]: "it is still starting, this passes by itself",
  [RPC_METHOD_NOT_FOUND]: "this version of the node does not have it, or -rpcwhitelist forbids it",
};

export function isMethodMissing(error: unknown): boolean {
  return error instanceof RpcError && error.code === RPC_METHOD_NOT_FOUND;
}

/** `null`: the text is no JSON object or list. */
export function parseAnswer(text: string): object | null {
  try {
    const answer: unknown = JSON.parse(text);
    return typeof answer === "object" ? answer : null;
  } catch {
    // Not JSON: a proxy's page, or half an answer. The caller says so.
    return null;
  }
}

/**
 * The result in the answer to one call.
 * @throws RpcError, MalformedAnswer
 */
export function resultOf(method: string, answer: unknown): unknown {
  if (Array.isArray(answer)) throw new MalformedAnswer("a list instead of one answer");
  if (!isRecord(answer)) throw new MalformedAnswer("something that is no answer");
  const { error, result } = answer;
  if (error) throw refusalOf(method, error);
  return result ?? null;
}

/**
 * The results in the answer to a batch, in the order of the calls; a refusal is a result.
 * @throws RpcError when the batch was refused as a whole, MalformedAnswer
 */
export function resultsOf(methods: readonly string[], answer: unknown): (unknown | RpcError)[] {
  if (!Array.isArray(answer)) {
    resultOf(methods[0] ?? "", answer);
    throw new MalformedAnswer("one answer instead of a list");
  }
  const byId = new Map(answer.filter(isRecord).map((reply) => [reply.id, reply]));
  return methods.map((method, id) => {
    const reply = byId.get(id);
    if (!reply) throw new MalformedAnswer(`no answer to call ${id}`);
    return reply.error ? refusalOf(method, reply.error) : (reply.result ?? null);
  });
}

function refusalOf(method: string, error: unknown): RpcError {
  const { code, message } = isRecord(error) ? error : { code: 0, message: error };
  return new RpcError(
    method,
    Number.isSafeInteger(code) ? (code as number) : 0,
    typeof message === "string" ? message : "no reason given",
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
