/**
 * Atomic units as the number of this wire: exact up to 2^53-1 and wherever a double can hold it; otherwise the next
 * double below, so that nobody is told of more than arrived. Why: docs/decisions/0007-tributary-amounts.md.
 */
export function wireAmount(amountAtomic: bigint): number {
  const nearest = Number(amountAtomic);
  return BigInt(nearest) > amountAtomic ? nextBelow(nearest) : nearest;
}

/** @param value positive and finite: the doubles then have the order of their bits */
function nextBelow(value: number): number {
  const bits = new DataView(new ArrayBuffer(8));
  bits.setFloat64(0, value);
  bits.setBigUint64(0, bits.getBigUint64(0) - 1n);
  return bits.getFloat64(0);
}
