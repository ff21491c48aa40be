export * from "./errors.ts";
export * from "./event.ts";
export * from "./payment.ts";
export * from "./shop.ts";
export * from "./stream.ts";
