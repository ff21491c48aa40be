/** What clients send with `join-user`: anything. */
import { PaybellError } from "../../kit/errors.ts";

/** As long as a payment's `customer` may be. */
const USER_ID_MAX_CHARS = 200;
/** Neither control characters nor halves of surrogate pairs. */
const USER_ID = /^[^\p{Cc}\p{Cs}]+$/u;

/** @throws PaybellError invalid_request */
export function joinedUserId(args: readonly unknown[]): string {
  const [userId] = args;
  if (typeof userId !== "string" || userId === "") {
    throw new PaybellError("invalid_request", "join-user takes the user's id: a text that is not empty.");
  }
  if (userId.length > USER_ID_MAX_CHARS || !USER_ID.test(userId)) {
    throw new PaybellError(
      "invalid_request",
      `join-user takes an id of at most ${USER_ID_MAX_CHARS} characters, without control characters.`,
    );
  }
  return userId;
}
