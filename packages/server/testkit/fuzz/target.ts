/** A parser on which inputs are tried. */

export type ErrorClass = abstract new (...args: never[]) => Error;

export interface Target {
  name: string;
  /** The source files whose coverage counts. */
  files: RegExp;
  /** Valid inputs: what is tried begins as one of them. */
  samples: readonly Buffer[];
  /** What the parser documents that it throws. */
  refusals: readonly ErrorClass[];
  /** Reads the input, and looks whether what was read holds.
   * @throws one of the refusals; anything else is a finding */
  read(input: Buffer): unknown | Promise<unknown>;
}

/** A parser of texts. */
export const text = (
  name: string,
  files: RegExp,
  given: readonly string[],
  refusals: readonly ErrorClass[],
  read: (input: string) => unknown,
): Target => ({
  name,
  files,
  samples: given.map((sample) => Buffer.from(sample)),
  refusals,
  read: (input) => read(wide(input)),
});

/** U+E000 stands for half of a surrogate pair, which UTF-8 has not. */
const wide = (input: Buffer) => input.toString().replaceAll("\ue000", "\ud800");

export class Finding extends Error {
  override readonly name = "Finding";
}

/** @returns was the input read, or refused as documented? @throws Finding */
export async function attempt(target: Target, input: Buffer): Promise<"read" | "refused"> {
  try {
    await target.read(input);
    return "read";
  } catch (error) {
    if (target.refusals.some((known) => error instanceof known)) return "refused";
    const shown = `${JSON.stringify(input.toString("latin1").slice(0, 2_000))} (base64 ${input.toString("base64")})`;
    throw new Finding(`${target.name}: ${error} at ${shown}`, { cause: error });
  }
}
