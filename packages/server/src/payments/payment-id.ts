/** The form of a payment's id: a UUID v4 in lower case, 122 random bits. Whoever knows it may read the payment. */

const UUID_V4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** Has it the form of a payment's id? Anything else cannot exist, and no store is asked. */
export function isPaymentId(text: string): boolean {
  return UUID_V4.test(text);
}
