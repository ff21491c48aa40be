/**
 * Books kept from the log alone: every unit that a product has, and why. Reads the records of one merchant in order and
 * throws at the first that does not follow from those before it. Written from DESIGN.md and PAYMENT_STATES.md, not from
 * the code that moves stock.
 *
 * - A payment's records that change the state of its order are followed by one `stock.changed` per product, each with the
 *   numbers that this change makes of those before; nothing else comes in between.
 * - Any other `stock.changed` is a merchant's own: it leaves what is reserved.
 * - 0 ≤ reserved ≤ stock, always; what is reserved is what reserved orders want.
 * - An order that has what it wants is not given it again; it is made only while its customer has none pending.
 */
import type { OrderStatus, PaymentItem, PaymentSummary, StockLevel, StockState } from "@paybell/protocol";
import type { LogRecord } from "../src/log/event-log.ts";
import { orderStatus } from "../src/payments/order.ts";

interface AuditedOrder {
  stock: StockState;
  status: OrderStatus;
  /** How often its units left the stock, less how often they came back. */
  taken: number;
}

export interface Books {
  levels: ReadonlyMap<string, StockLevel>;
  orders: ReadonlyMap<string, AuditedOrder>;
  /** Units that left with orders, by product. */
  sold: ReadonlyMap<string, number>;
}

export interface OrderFacts {
  customer: string;
  items: readonly PaymentItem[];
}

export function auditStock(records: readonly LogRecord[], factsOf: (orderId: string) => OrderFacts): Books {
  const audit = new Audit(factsOf);
  for (const record of records) audit.read(record);
  return audit.close();
}

class Audit {
  readonly #factsOf: (orderId: string) => OrderFacts;
  readonly #levels = new Map<string, StockLevel>();
  readonly #orders = new Map<string, AuditedOrder>();
  readonly #sold = new Map<string, number>();
  /** What the order that was read last has moved and no record has told yet, by product. */
  #owed = new Map<string, { stock: number; reserved: number }>();
  #mover: string | null = null;

  constructor(factsOf: (orderId: string) => OrderFacts) {
    this.#factsOf = factsOf;
  }

  read(record: LogRecord): void {
    const { stock, payment } = record.data;
    if (stock) this.#tell(record, stock);
    else if (payment?.stock) this.#move(record, payment, payment.stock);
    else this.#requireSettled(record);
  }

  close(): Books {
    if (this.#owed.size > 0) throw new Error(`The log ends while ${this.#mover} still has to tell what it moved.`);
    const reserved = new Map<string, number>();
    for (const [id, { stock }] of this.#orders) {
      if (stock !== "reserved") continue;
      for (const [product, units] of this.#units(id)) reserved.set(product, (reserved.get(product) ?? 0) + units);
    }
    for (const level of this.#levels.values()) {
      if (level.reserved !== (reserved.get(level.productId) ?? 0)) {
        throw new Error(
          `${level.productId}: ${level.reserved} are reserved, and orders want ${reserved.get(level.productId)}.`,
        );
      }
    }
    return { levels: this.#levels, orders: this.#orders, sold: this.#sold };
  }

  #move(record: LogRecord, payment: PaymentSummary, stock: StockState): void {
    // One command may tell several events of one payment before its numbers; two commands may not mix.
    if (this.#mover !== payment.id) this.#requireSettled(record);
    this.#mover = payment.id;
    const before = this.#orders.get(payment.id) ?? null;
    // An erased order stands in nobody's way.
    const status = record.type === "payment.erased" ? "cancelled" : (orderStatus(payment) as OrderStatus);
    if (before === null) this.#requireNonePending(record, payment.id, stock);
    const held = before?.stock ?? null;
    const taken = (before?.taken ?? 0) + Number(stock === "taken") - Number(held === "taken");
    if (taken < 0 || taken > 1) throw new Error(`${where(record)}: the order has been taken ${taken} times.`);
    if (stock === "taken" && held !== "taken" && payment.status !== "paid" && payment.status !== "final") {
      throw new Error(`${where(record)}: units are taken while the payment is ${payment.status}.`);
    }
    this.#orders.set(payment.id, { stock, status, taken });
    const reservedSign = Number(stock === "reserved") - Number(held === "reserved");
    const takenSign = Number(stock === "taken") - Number(held === "taken");
    for (const [product, units] of this.#units(payment.id)) {
      this.#owe(product, -takenSign * units, reservedSign * units);
      this.#sold.set(product, (this.#sold.get(product) ?? 0) + takenSign * units);
    }
  }

  #owe(product: string, stock: number, reserved: number): void {
    const owed = this.#owed.get(product) ?? { stock: 0, reserved: 0 };
    const sum = { stock: owed.stock + stock, reserved: owed.reserved + reserved };
    if (sum.stock === 0 && sum.reserved === 0) this.#owed.delete(product);
    else this.#owed.set(product, sum);
  }

  #tell(record: LogRecord, level: StockLevel): void {
    const { productId, stock, reserved, available } = level;
    if (reserved < 0 || reserved > stock || available !== stock - reserved) {
      throw new Error(`${where(record)}: impossible numbers ${JSON.stringify(level)}.`);
    }
    if (record.paymentId !== null || record.sequence !== null) throw new Error(`${where(record)} is no payment's.`);
    const before = this.#levels.get(productId);
    const owed = this.#owed.get(productId);
    this.#owed.delete(productId);
    const isRight = owed
      ? stock === (before?.stock ?? 0) + owed.stock && reserved === (before?.reserved ?? 0) + owed.reserved
      : this.#owed.size === 0 && reserved === (before?.reserved ?? 0);
    if (!isRight) {
      throw new Error(
        `${where(record)}: ${JSON.stringify(before)} and ${JSON.stringify(owed)} make ${JSON.stringify(level)}.`,
      );
    }
    this.#levels.set(productId, level);
  }

  #requireNonePending(record: LogRecord, orderId: string, stock: StockState): void {
    if (stock !== "reserved") throw new Error(`${where(record)}: a new order is ${stock}.`);
    const { customer } = this.#factsOf(orderId);
    for (const [id, order] of this.#orders) {
      if (order.status === "pending" && this.#factsOf(id).customer === customer) {
        throw new Error(`${where(record)}: ${customer} has a pending order, ${id}.`);
      }
    }
  }

  #units(orderId: string): ReadonlyMap<string, number> {
    const units = new Map<string, number>();
    for (const { productId = "", quantity } of this.#factsOf(orderId).items) {
      units.set(productId, (units.get(productId) ?? 0) + quantity);
    }
    return units;
  }

  #requireSettled(record: LogRecord): void {
    if (this.#owed.size > 0) throw new Error(`${where(record)} comes before ${this.#mover} has told what it moved.`);
    this.#mover = null;
  }
}

function where({ offset, type, paymentId }: LogRecord): string {
  return `Record ${offset} (${type}${paymentId === null ? "" : ` of ${paymentId}`})`;
}
