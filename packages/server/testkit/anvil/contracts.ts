/** Real contracts for the tests, small enough to be read. Balances lie at the slot that the owner's address names. */
import { assemble, deployment } from "./assembler.ts";

const TRANSFER_TOPIC = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef";

export interface TokenCode {
  symbol: string;
  decimals: number;
  /** Taken from every transfer; its log still says the full amount. 0: a plain token. */
  feePercent: number;
}

/**
 * An ERC-20 token: `transfer`, `transferFrom` (of anybody: no allowances), `balanceOf`, `decimals`, `symbol`.
 * @returns deployment code
 */
export function tokenCode({ symbol, decimals, feePercent }: TokenCode): `0x${string}` {
  return deployment(
    assemble(`
      0 CALLDATALOAD 224 SHR
      DUP1 0xa9059cbb EQ @transfer JUMPI
      DUP1 0x23b872dd EQ @transferFrom JUMPI
      DUP1 0x70a08231 EQ @balanceOf JUMPI
      DUP1 0x313ce567 EQ @decimals JUMPI
      DUP1 0x95d89b41 EQ @symbol JUMPI
      fail: 0 DUP1 REVERT

      balanceOf: 4 CALLDATALOAD SLOAD @answer JUMP
      decimals: ${decimals} @answer JUMP
      answer: 0 MSTORE 32 0 RETURN
      symbol: 32 0 MSTORE ${symbol.length} 32 MSTORE
        0x${Buffer.from(symbol).toString("hex").padEnd(64, "0")} 64 MSTORE 96 0 RETURN

      transfer: CALLER 4 CALLDATALOAD 36 CALLDATALOAD @move JUMP
      transferFrom: 4 CALLDATALOAD 36 CALLDATALOAD 68 CALLDATALOAD @move JUMP

      move:                                 ; from to amount
        DUP3 SLOAD                          ; from to amount balance
        DUP2 DUP2 LT @fail JUMPI
        DUP2 SWAP1 SUB DUP4 SSTORE          ; from to amount
        DUP1 ${feePercent} MUL 100 SWAP1 DIV
        DUP2 SUB                            ; from to amount credited
        DUP3 SLOAD ADD DUP3 SSTORE          ; from to amount
        0 MSTORE                            ; from to
        SWAP1 ${TRANSFER_TOPIC} 32 0 LOG3
        1 @answer JUMP
    `),
  );
}

/**
 * Call data: the token, then pairs of recipient and amount, each of 32 bytes: one `transferFrom` of the caller for each.
 * @returns deployment code
 */
export function multisendCode(): `0x${string}` {
  return deployment(
    assemble(`
      0x23b872dd 224 SHL 0 MSTORE CALLER 4 MSTORE
      32                                    ; place
      next:
        DUP1 CALLDATASIZE GT ISZERO @end JUMPI
        DUP1 CALLDATALOAD 36 MSTORE
        DUP1 32 ADD CALLDATALOAD 68 MSTORE
        0 0 100 0 0 0 CALLDATALOAD GAS CALL ISZERO @fail JUMPI
        64 ADD @next JUMP
      end: STOP
      fail: 0 DUP1 REVERT
    `),
  );
}

/** Passes the native coin that it is given on to the address in its call data. @returns deployment code */
export function forwarderCode(): `0x${string}` {
  return deployment(assemble("0 0 0 0 CALLVALUE 0 CALLDATALOAD GAS CALL POP STOP"));
}

/** Takes nothing: what is sent to it comes back. @returns the code itself */
export const REFUSING_CODE = `0x${assemble("0 DUP1 REVERT")}`;
