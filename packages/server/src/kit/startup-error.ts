/** The server cannot start: for the operator, never for a client. */
export class StartupError extends Error {
  override readonly name = "StartupError";
  /** What to do about it, one sentence. */
  readonly hint: string;

  constructor(message: string, hint: string) {
    super(message);
    this.hint = hint;
  }
}
