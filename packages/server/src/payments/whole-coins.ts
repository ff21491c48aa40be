/** Atomic units → the number of whole coins that is nearest to it; from 16 digits on it is rounded. For wires that know no
 * other numbers, never to reckon with. */
export function wholeCoins(amountAtomic: string, decimals: number): number {
  const digits = amountAtomic.padStart(decimals + 1, "0");
  const point = digits.length - decimals;
  return Number(`${digits.slice(0, point)}.${digits.slice(point)}`);
}
