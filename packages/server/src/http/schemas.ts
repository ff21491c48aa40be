/**
 * The shapes of the HTTP API, once: for validation, for types, for /openapi.json.
 * The shapes of payments and events are checked against `@paybell/protocol` by the compiler, below.
 */
import {
  AMOUNT_STATES,
  DELIVERY_STATES,
  ERRORS,
  type ErrorBody,
  EVENT_REASONS,
  EVENT_TYPES,
  MATCH_KINDS,
  type MatchKind,
  type MerchantPayment,
  ORDER_STATUSES,
  type Order,
  PAYMENT_FLAGS,
  PAYMENT_STATUSES,
  type PaymentEvent,
  type PaymentMatch,
  type Product,
  type PublicPayment,
  STOCK_STATES,
  TRANSFER_STATUSES,
  UNATTRIBUTED_REASONS,
} from "@paybell/protocol";
import { type Static, type TOptional, type TSchema, Type } from "typebox";
import { ALLOWED } from "../kit/strict-schema.ts";

const strict = { additionalProperties: false } as const;

/** A string that is one of these. */
export const oneOf = <T extends string>(values: readonly T[], description?: string) =>
  Type.Unsafe<T>({ type: "string", enum: [...values], ...(description ? { description } : {}) });

const orNull = <T extends TSchema>(type: "string" | "integer", options: object = {}) =>
  Type.Unsafe<Static<T> | null>({ type: [type, "null"], ...options });

const textOrNull = (options: object = {}) => orNull<ReturnType<typeof Type.String>>("string", options);
const integerOrNull = (options: object = {}) => orNull<ReturnType<typeof Type.Integer>>("integer", options);

const time = (description: string) => Type.String({ description: `${description} ISO 8601, UTC.` });
const timeOrNull = (description: string) => textOrNull({ description: `${description} ISO 8601, UTC.` });

/** A decimal string of atomic units, above 0. At most 78 digits: what 256 bits can hold. */
const POSITIVE_AMOUNT = "^[1-9][0-9]{0,77}$";
const AMOUNT_ALLOWED = 'a decimal string of atomic units above 0, like "1500000": 1 to 78 digits, no sign, no point';

export const PositiveAmount = (description: string) =>
  Type.String({ description, pattern: POSITIVE_AMOUNT, [ALLOWED]: AMOUNT_ALLOWED });

export const PositiveAmountOrNull = (description: string) =>
  textOrNull({ description, pattern: POSITIVE_AMOUNT, [ALLOWED]: `${AMOUNT_ALLOWED}; or null` });

/** Without control characters and without halves of surrogate pairs, which no database stores faithfully. */
const text = (maxLength: number) => ({
  minLength: 1,
  maxLength,
  pattern: "^[^\\u0000-\\u001f\\u007f\\ud800-\\udfff]*$",
  [ALLOWED]: `text of 1 to ${maxLength} characters without control characters`,
});

export const Text = (maxLength: number, description: string) => Type.String({ description, ...text(maxLength) });

export const TextOrNull = (maxLength: number, description: string) => textOrNull({ description, ...text(maxLength) });

const Amount = (description: string) => Type.String({ description });

export const Quantity = Type.Integer({ minimum: 1, maximum: 1_000_000, description: "Units." });

const MAX_OPTIONS = 10;

export const ItemOptions = Type.Unsafe<Record<string, string>>({
  type: "object",
  maxProperties: MAX_OPTIONS,
  propertyNames: text(50),
  additionalProperties: { type: "string", ...text(100) },
  description: 'What the buyer chose, like `{"color":"red"}`.',
});

export const Item = Type.Object(
  {
    productId: Type.Optional(Text(200, "Your own name of the product. Only `POST /v1/orders` keeps stock.")),
    name: Type.Optional(Text(200, "What it is called.")),
    quantity: Quantity,
    unitAmount: Type.Optional(
      Type.String({
        description: "Price of one, decimal string of atomic units.",
        pattern: "^(0|[1-9][0-9]{0,77})$",
        [ALLOWED]: "a decimal string of atomic units: 1 to 78 digits",
      }),
    ),
    options: Type.Optional(ItemOptions),
  },
  strict,
);

const KIND_MEANINGS: Record<MatchKind, string> = {
  txId: "This transaction; only with its `payer`.",
  referenceKey: "A Solana Pay reference.",
  intentHash: "Of an identiPay proposal.",
  memo: "The text that the transaction carries.",
  tributary: "Every record of the Tributary program by this gateway, or `*`; only with `amount: null`.",
  payer: "The address that it is sent from.",
};

const matchFields = Object.fromEntries(
  MATCH_KINDS.map((kind) => [kind, Type.Optional(Text(200, KIND_MEANINGS[kind]))]),
) as Record<MatchKind, TOptional<ReturnType<typeof Text>>>;

const MATCH = "What tells it apart from other payments on its address: exactly one kind, or `txId` with `payer`.";

export const Match = Type.Object(matchFields, { ...strict, description: MATCH });

const Transfer = Type.Object(
  {
    txId: Type.String(),
    index: Type.String({ description: "Place in the transaction: Bitcoin's vout, an EVM log, …" }),
    amount: Amount("Atomic units."),
    status: oneOf(TRANSFER_STATUSES),
    confirmations: Type.Integer({ minimum: 0 }),
    blockHeight: integerOrNull(),
    blockHash: textOrNull(),
    at: time("The earlier of first seen and its block's time."),
  },
  strict,
);

const summary = {
  id: Type.String({ description: "UUID v4. Whoever knows it may read the public view." }),
  status: oneOf(PAYMENT_STATUSES),
  amountState: oneOf(AMOUNT_STATES),
  delivery: oneOf(DELIVERY_STATES),
  flags: Type.Array(oneOf(PAYMENT_FLAGS)),
  chain: Type.String(),
  asset: Type.String(),
  decimals: Type.Integer({ minimum: 0 }),
  amount: textOrNull({ description: "Atomic units due; null for a standing payment." }),
  received: Amount("Atomic units received by all live transfers."),
  address: textOrNull(),
  sharesAddress: Type.Optional(
    Type.Literal(true, { description: "Only where other payments may wait on the same address." }),
  ),
  txId: textOrNull({ description: "The transaction that covered the amount due." }),
  confirmations: Type.Integer({ minimum: 0 }),
  confirmationsRequired: Type.Integer({ minimum: 0 }),
  claimedAt: timeOrNull("When the payer was said to have paid."),
  stock: Type.Optional(oneOf(STOCK_STATES, "Only of an order: what became of its units.")),
  sequence: Type.Integer({ minimum: 0, description: "Number of the latest event." }),
  createdAt: time("Created."),
  updatedAt: time("Last changed."),
  expiresAt: timeOrNull("When it expires if it is not covered."),
};

const publicView = {
  ...summary,
  uri: textOrNull({ description: "Payment URI for wallets." }),
  transfers: Type.Array(Transfer, { description: "The newest 100 at most." }),
};

const Summary = Type.Object(summary, strict);

const level = {
  stock: Type.Integer({ minimum: 0, description: "Units on hand, reserved ones included." }),
  reserved: Type.Integer({ minimum: 0, description: "Units set aside for orders that are not paid yet." }),
  available: Type.Integer({ minimum: 0, description: "`stock` − `reserved`." }),
};

const EventData = Type.Object(
  {
    payment: Type.Unsafe<Static<typeof Summary> | null>({ ...Summary, type: ["object", "null"] }),
    transfers: Type.Array(Transfer),
    reference: Type.Optional(textOrNull()),
    reason: Type.Optional(oneOf(EVENT_REASONS)),
    replacedBy: Type.Optional(textOrNull()),
    unattributed: Type.Optional(
      Type.Object(
        {
          chain: Type.String(),
          asset: Type.String(),
          address: Type.String(),
          why: oneOf(UNATTRIBUTED_REASONS),
        },
        strict,
      ),
    ),
    from: Type.Optional(Type.String()),
    to: Type.Optional(Type.String()),
    stock: Type.Optional(Type.Object({ productId: Type.String(), ...level }, strict)),
  },
  strict,
);

const payment = {
  ...publicView,
  match: Type.Unsafe<PaymentMatch | null>({ ...Match, type: ["object", "null"] }),
  claimedTxId: textOrNull({ description: "The transaction that was named with the claim." }),
  reference: textOrNull(),
  customer: textOrNull(),
  items: Type.Unsafe<Static<typeof Item>[] | null>({ type: ["array", "null"], items: Item }),
  metadata: Type.Unsafe<Record<string, unknown> | null>({ type: ["object", "null"], additionalProperties: true }),
};

/** Named in /openapi.json under `components.schemas`, and referred to by the routes. */
export const components = {
  PublicPayment: Type.Object(publicView, { $id: "PublicPayment", ...strict, description: "Without a secret key." }),
  Payment: Type.Object(payment, { $id: "Payment", ...strict, description: "As its merchant reads it." }),
  Product: Type.Object(
    {
      id: Type.String({ description: "UUID v4." }),
      name: Type.String(),
      price: Amount("Of one unit, atomic units."),
      chain: Type.String(),
      asset: Type.String(),
      ...level,
      createdAt: time("Created."),
      updatedAt: time("Last changed, its stock included."),
    },
    { $id: "Product", ...strict },
  ),
  Order: Type.Object(
    {
      id: Type.String({ description: "The payment's id." }),
      status: oneOf(ORDER_STATUSES),
      stock: oneOf(STOCK_STATES, "What became of its units; see PAYMENT_STATES.md."),
      customer: Type.String(),
      items: Type.Array(
        Type.Object(
          {
            productId: Type.String(),
            name: Type.String(),
            quantity: Quantity,
            unitAmount: Amount("Price of one when it was ordered, atomic units."),
            options: Type.Optional(ItemOptions),
          },
          strict,
        ),
      ),
      amount: Amount("The sum, atomic units."),
      payment: Type.Object(payment, strict),
      createdAt: time("Ordered."),
      updatedAt: time("Last changed."),
    },
    { $id: "Order", ...strict, description: "A payment with line items that hold stock." },
  ),
  Event: Type.Object(
    {
      position: Type.String({ description: "Cursor. Opaque." }),
      id: Type.String(),
      type: oneOf(EVENT_TYPES),
      paymentId: textOrNull(),
      sequence: integerOrNull({
        description: "Counts the payment's events from 1 without gaps; null where `paymentId` is.",
      }),
      at: time("When it happened."),
      data: EventData,
    },
    { $id: "Event", ...strict },
  ),
  Error: Type.Object(
    {
      error: Type.Object(
        {
          code: oneOf(Object.keys(ERRORS) as (keyof typeof ERRORS)[]),
          message: Type.String(),
          details: Type.Optional(
            Type.Unknown({ description: "For `invalid_request`: a list of {path, problem, allowed}." }),
          ),
        },
        strict,
      ),
    },
    { $id: "Error", ...strict },
  ),
} as const;

const ref = <T>(name: keyof typeof components, description?: string) =>
  Type.Unsafe<T>({ $ref: `${name}#`, ...(description ? { description } : {}) });

export const PaymentRef = ref<MerchantPayment>("Payment");
export const PublicPaymentRef = ref<PublicPayment>("PublicPayment");
export const ProductRef = ref<Product>("Product");
export const OrderRef = ref<Order>("Order");
export const EventRef = ref<PaymentEvent>("Event");
export const ErrorRef = ref<ErrorBody>("Error");

type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;

/** The compiler refuses these when schema and protocol drift apart. */
export const schemasMatchProtocol: [
  Same<Static<typeof components.PublicPayment>, PublicPayment>,
  Same<Static<typeof components.Payment>, MerchantPayment>,
  Same<Static<typeof components.Event>, PaymentEvent>,
  Same<Static<typeof components.Product>, Product>,
  Same<Static<typeof components.Order>, Order>,
] = [true, true, true, true, true];
