/**
 * Bodies: UTF-8 JSON or nothing. An empty body counts as `{}`, since many clients set the content type on calls that
 * need no body. `__proto__` and `constructor.prototype` keys are refused, and so is deep nesting, which would exhaust
 * the stack of whoever walks the value later, and numbers that would become `null` on their way through.
 */
import { ERRORS } from "@paybell/protocol";
import { PaybellError } from "../kit/errors.ts";
import { shapeOf } from "../kit/json-shape.ts";
import type { Api } from "./api.ts";

/** Deepest nesting of arrays and objects in a body. */
const MAX_DEPTH = 32;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });

export function acceptJsonBodies(api: Api): void {
  const parseJson = api.getDefaultJsonParser("error", "error");
  api.removeAllContentTypeParsers();
  api.addContentTypeParser("application/json", { parseAs: "buffer" }, (request, body, done) => {
    const encoding = request.headers["content-encoding"];
    if (encoding !== undefined && encoding.toLowerCase() !== "identity") {
      done(new PaybellError("unsupported_media_type", `The body is ${encoding}-encoded; send it as it is.`));
      return;
    }
    const text = decode(body as Buffer);
    if (text === null) {
      done(new PaybellError("invalid_json", "The body is not UTF-8."));
    } else if (text.trim() === "") {
      done(null, {});
    } else {
      // The parser answers through the callback; its own error says where the syntax is wrong.
      parseJson(request, text, (error, value) => {
        if (error) done(new PaybellError("invalid_json", `${ERRORS.invalid_json.meaning} ${error.message}`));
        else done(null, value);
      });
    }
  });
  api.addHook("preValidation", (request, _reply, done) => {
    if (request.body === undefined && request.method === "POST") request.body = {};
    refuseMisshapen(request.body);
    done();
  });
}

function decode(body: Buffer): string | null {
  try {
    return utf8.decode(body);
  } catch (error) {
    if (error instanceof TypeError) return null;
    throw error;
  }
}

function refuseMisshapen(body: unknown): void {
  const { depth, finite } = shapeOf(body, MAX_DEPTH);
  if (depth > MAX_DEPTH) throw misshapen("is nested too deeply", `at most ${MAX_DEPTH} levels`);
  if (!finite) throw misshapen("has a number that is too large", "numbers up to 1.7e308");
}

function misshapen(problem: string, allowed: string): PaybellError {
  return new PaybellError("invalid_request", `The body ${problem}; allowed: ${allowed}.`, [
    { path: "", problem, allowed },
  ]);
}
