/** Errors with a code from the registry of `@paybell/protocol`: safe to show to a client. */
import { ERRORS, type ErrorBody, type ErrorCode, type ErrorSpec } from "@paybell/protocol";

export class PaybellError extends Error {
  override readonly name = "PaybellError";
  readonly code: ErrorCode;
  /** What was wrong, where, and what is allowed; sent to the client. */
  readonly details: unknown;

  constructor(code: ErrorCode, message: string, details?: unknown) {
    super(message);
    this.code = code;
    this.details = details;
  }

  get spec(): ErrorSpec {
    return ERRORS[this.code];
  }

  toBody(): ErrorBody {
    const error: ErrorBody["error"] = { code: this.code, message: this.message };
    if (this.details !== undefined) error.details = this.details;
    return { error };
  }
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
