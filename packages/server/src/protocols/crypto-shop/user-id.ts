/** What can be a user's id: the `customer` of payments and orders, and the name of a room. */

/** As long as a payment's `customer` may be. */
export const USER_ID_MAX_CHARS = 200;
/** Neither control characters nor halves of surrogate pairs, which no database stores faithfully: two users would become
 * one. */
export const PLAIN_TEXT = "^[^\\p{Cc}\\p{Cs}]+$";
const USER_ID = new RegExp(PLAIN_TEXT, "u");

export function isUserId(text: string): boolean {
  return text.length <= USER_ID_MAX_CHARS && USER_ID.test(text);
}
