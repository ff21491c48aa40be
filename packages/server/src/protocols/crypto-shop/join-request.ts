/** What clients send with `join-user`: anything. */
import { PaybellError } from "../../kit/errors.ts";
import { isUserId, USER_ID_MAX_CHARS } from "./user-id.ts";

/** @throws PaybellError invalid_request */
export function joinedUserId(args: readonly unknown[]): string {
  const [userId] = args;
  if (typeof userId !== "string" || userId === "") {
    throw new PaybellError("invalid_request", "join-user takes the user's id: a text that is not empty.");
  }
  if (!isUserId(userId)) {
    throw new PaybellError(
      "invalid_request",
      `join-user takes an id of at most ${USER_ID_MAX_CHARS} characters, without control characters.`,
    );
  }
  return userId;
}
