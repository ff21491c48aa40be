/** Whole coins as payment URIs write them: exact, without exponent and without trailing zeros. */
export function decimalAmount(amountAtomic: bigint, decimals: number): string {
  const digits = amountAtomic.toString().padStart(decimals + 1, "0");
  const whole = digits.slice(0, digits.length - decimals);
  const fraction = digits.slice(digits.length - decimals).replace(/0+$/, "");
  return fraction === "" ? whole : `${whole}.${fraction}`;
}
