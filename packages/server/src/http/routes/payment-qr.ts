/** `GET /v1/payments/{id}/qr`: what a wallet scans. Public as the payment is: the id is the capability. */
import { Type } from "typebox";
import { PaybellError } from "../../kit/errors.ts";
import { as, responses } from "../answers.ts";
import type { RouteContext } from "../api.ts";
import { QrCodes } from "../qr-codes.ts";
import { IntegerParameter, integerParameter, PaymentIdParams, Query } from "../query.ts";
import { readablePayment } from "../readable-payment.ts";

const SIZE = { minimum: 64, maximum: 2_048, default: 256 } as const;
/** A payment's URI never changes; not longer, because a payment can be erased. `private`: the path is a capability. */
const CACHED_SECONDS = 300;

export function paymentQr({ api, deps }: RouteContext): void {
  const codes = new QrCodes();
  api.route({
    method: "GET",
    url: "/v1/payments/:id/qr",
    config: { access: "public" },
    schema: {
      operationId: "getPaymentQr",
      summary: "A payment's URI as a QR code",
      description: "For `<img src>`. `not_found` also where the payment has no URI: show its address there.",
      tags: ["payments"],
      params: PaymentIdParams,
      querystring: Query({ size: IntegerParameter(SIZE, "Width and height in pixels.") }),
      response: responses(
        { 200: as("image/svg+xml", Type.String(), "An SVG, scalable without loss.") },
        "unauthorized",
        "not_found",
      ),
    },
    handler: async (request, reply) => {
      const { state } = await readablePayment(deps.payments, request.caller, request.params.id);
      const { uri, chain } = state.payment;
      if (uri === null) {
        throw new PaybellError(
          "not_found",
          `This payment has no payment URI, because wallets know none for "${chain}": show its address instead.`,
        );
      }
      const svg = await codes.svg(uri, integerParameter(request.query.size, SIZE));
      return reply
        .type("image/svg+xml; charset=utf-8")
        .header("cache-control", `private, max-age=${CACHED_SECONDS}`)
        .send(svg);
    },
  });
}
