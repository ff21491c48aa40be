/** The parts of ERC-20 that are spoken here. Source: https://eips.ethereum.org/EIPS/eip-20. */

/** keccak256 of `Transfer(address,address,uint256)`. */
export const TRANSFER_TOPIC = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef";

/** `transfer(address,uint256)` */
const TRANSFER = "0xa9059cbb";
/** `transferFrom(address,address,uint256)` */
const TRANSFER_FROM = "0x23b872dd";
/** `balanceOf(address)` */
const BALANCE_OF = "0x70a08231";
/** `decimals()` */
export const DECIMALS_CALL = "0x313ce567";

const WORD = 64;

export interface TransferCall {
  from: string;
  to: string;
  amountAtomic: bigint;
}

/** What a direct call of a token asks it to move; `null`: it asks for something else.
 * @param sender of the call; @param input lower-case hex with 0x */
export function transferCallIn(sender: string, input: string): TransferCall | null {
  const selector = input.slice(0, 10);
  if (selector === TRANSFER) return transferOf(sender, words(input, 2));
  if (selector !== TRANSFER_FROM) return null;
  const [owner, ...rest] = words(input, 3);
  return owner === undefined ? null : transferOf(`0x${owner.slice(24)}`, rest);
}

export function balanceOfCall(owner: string): string {
  return BALANCE_OF + owner.slice(2).padStart(WORD, "0");
}

function transferOf(from: string, [to, value]: readonly string[]): TransferCall | null {
  if (to === undefined || value === undefined) return null;
  return { from, to: `0x${to.slice(24)}`, amountAtomic: BigInt(`0x${value}`) };
}

/** So many arguments; none where the call is too short. */
function words(input: string, number: number): readonly string[] {
  if (input.length < 10 + number * WORD) return [];
  return Array.from({ length: number }, (_, place) => input.slice(10 + place * WORD, 10 + (place + 1) * WORD));
}
