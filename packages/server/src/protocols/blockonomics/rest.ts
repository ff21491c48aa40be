/**
 * `POST /api/new_address`: Blockonomics' way to ask for an address. It becomes a standing payment: every transfer to it
 * is told. `GET /api/price` is not here: see docs/decisions/0003-blockonomics-top-ups.md.
 */
import { Type } from "typebox";
import type { Api } from "../../http/api.ts";
import type { IdempotentPosts } from "../../http/deps.ts";
import type { ChainRegistry } from "../../ingest/chain-registry.ts";
import type { Ingest } from "../../ingest/ingest.ts";
import { PaybellError } from "../../kit/errors.ts";

export interface BlockonomicsRestDeps {
  ingest: Pick<Ingest, "create">;
  registry: Pick<ChainRegistry, "all">;
  posts: IdempotentPosts;
}

/** What `curl -d`, PHP's curl and `fetch` send besides JSON. */
const OTHER_BODIES = ["application/x-www-form-urlencoded", "multipart/form-data", "text/plain"];

export function registerBlockonomicsRest(api: Api, deps: BlockonomicsRestDeps): void {
  // A scope of its own: at no other path are these bodies taken.
  api.register(async (scope: Api) => {
    // Nothing in them changes anything, so they are read to their end and forgotten.
    scope.addContentTypeParser(OTHER_BODIES, { parseAs: "buffer" }, (_request, _body, done) => done(null, {}));
    newAddress(scope, deps);
  });
}

function newAddress(api: Api, { ingest, registry, posts }: BlockonomicsRestDeps): void {
  api.route({
    method: "POST",
    url: "/api/new_address",
    schema: {
      operationId: "blockonomicsNewAddress",
      summary: "A fresh address, as Blockonomics gives it",
      description:
        "Makes a standing payment. Query parameters and bodies that Blockonomics' own clients send are accepted and change nothing.",
      tags: ["blockonomics"],
      headers: posts.headers,
      response: { 200: Type.Object({ address: Type.String(), paymentId: Type.String() }) },
    },
    handler: async (request, reply) => {
      // A route without `access` is for secret keys only; the key was checked before.
      if (!request.caller) throw new PaybellError("unauthorized", "This call needs a secret key.");
      const { merchantId } = request.caller;
      const wanted = { merchantId, amountAtomic: null, ...chainAndAsset(registry) };
      return posts.writePayment(request, reply, {
        merchantId,
        httpStatus: 200,
        write: (answerWith) => ingest.create(wanted, answerWith),
        viewOf: ({ payment }) => ({ address: payment.address, paymentId: payment.id }),
      });
    },
  });
}

/** The first chain of the configuration on which addresses can be derived: Bitcoin, or in the sandbox its own. */
function chainAndAsset(registry: Pick<ChainRegistry, "all">): { chain: string; asset: string } {
  const facts = registry.all.map((known) => known.facts).find((candidate) => candidate.allocator !== null);
  const asset = facts?.assets[0];
  if (!facts || !asset)
    throw new PaybellError("not_supported", "No chain is configured on which addresses are derived.");
  return { chain: facts.chain, asset: asset.symbol };
}
