/** The section `pusher` of the configuration: the apps that clients connect to. */
import { Type } from "typebox";
import { ALLOWED } from "../kit/strict-schema.ts";
import type { Config, PusherAppConfig } from "./config.ts";
import type { ConfigProblem } from "./config-error.ts";
import type { Tree } from "./layers.ts";

const strict = { additionalProperties: false } as const;
const NAME = { pattern: "^[A-Za-z0-9_-]{1,64}$", [ALLOWED]: "1 to 64 letters, digits, _ and -" } as const;

/** Everybody knows these. The second key is the one in Transak's documentation, which clients have built in. */
export const SANDBOX_PUSHER_APP: PusherAppConfig = {
  id: "paybell",
  keys: ["paybell", "1d9ffac87de599c61283"],
  secret: "as_sandbox_paybell",
  encryptionMasterKey: Buffer.from("paybell-sandbox-encryption-key-1"),
  merchantId: null,
};

/** The documentation reads it too. */
export const pusherAppSchema = Type.Object(
  {
    id: Type.String({ ...NAME, description: "Its name in the paths of the HTTP API." }),
    key: Type.String({ ...NAME, description: "What clients connect with; public." }),
    keys: Type.Optional(
      Type.Array(Type.String(NAME), { maxItems: 20, description: "Further keys, for clients that are out already." }),
    ),
    secret: Type.Optional(
      Type.String({
        pattern: "^[\\x21-\\x7e]{16,200}$",
        [ALLOWED]: "16 to 200 printable characters",
        description: "Signs private channels and calls of the HTTP API. Left out: the app has neither.",
      }),
    ),
    encryptionMasterKey: Type.Optional(
      Type.String({
        pattern: "^[A-Za-z0-9+/]{43}=$",
        [ALLOWED]: "32 bytes as base64 (openssl rand -base64 32)",
        description: "For `private-encrypted-` channels. Needs `secret`.",
      }),
    ),
    merchant: Type.Optional(
      Type.String({
        minLength: 1,
        description: "The secret signs for channels of this merchant only. Left out: for everybody's.",
      }),
    ),
  },
  strict,
);

export const pusherSchema = Type.Object(
  {
    apps: Type.Optional(
      Type.Array(pusherAppSchema, {
        default: [],
        maxItems: 1_000,
        description:
          "Apps of the Pusher protocol, see below. The sandbox has one of its own beside them. In live mode none: a key that is in no app is refused with 4001.",
      }),
    ),
  },
  { ...strict, description: "Clients that speak Pusher Channels." },
);

/** The tree has passed the schema. */
export function completePusher(given: Tree | undefined, mode: Config["mode"]): Config["pusher"] {
  const apps = ((given?.apps ?? []) as Record<string, string | string[] | undefined>[]).map(
    ({ id, key, keys = [], secret = null, encryptionMasterKey = null, merchant = null }) =>
      ({
        id,
        keys: [key, ...keys],
        secret,
        encryptionMasterKey: encryptionMasterKey === null ? null : Buffer.from(String(encryptionMasterKey), "base64"),
        merchantId: merchant,
      }) as PusherAppConfig,
  );
  return { apps: mode === "sandbox" ? [SANDBOX_PUSHER_APP, ...apps] : apps };
}

export function checkPusher({ pusher: { apps }, mode }: Config, whereOf: (path: string) => string): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const own = mode === "sandbox" ? 1 : 0;
  const seen = new Set<string>();
  for (const [place, app] of apps.entries()) {
    const add = (name: string, what: string, whatToDo: string) =>
      problems.push({ where: whereOf(`pusher.apps[${place - own}].${name}`), what, whatToDo });
    for (const [name, value] of [["id", app.id] as const, ...app.keys.map((key) => ["key", key] as const)]) {
      const taken = `${name} ${value}`;
      if (seen.has(taken)) add(name, `"${value}" is taken`, "Each app has an id and keys of its own.");
      seen.add(taken);
    }
    if (app.encryptionMasterKey !== null && app.secret === null) {
      add("encryptionMasterKey", "there is no secret beside it", "Encrypted channels are private: set a secret.");
    }
    if (mode === "live") refuseKnown(app, add);
  }
  return problems;
}

function refuseKnown(app: PusherAppConfig, add: (name: string, what: string, whatToDo: string) => void): void {
  if (app.secret === SANDBOX_PUSHER_APP.secret) {
    add("secret", "is the sandbox's, which everybody knows", "Make one: openssl rand -hex 32.");
  }
  if (app.encryptionMasterKey?.equals(SANDBOX_PUSHER_APP.encryptionMasterKey as Buffer)) {
    add("encryptionMasterKey", "is the sandbox's, which everybody knows", "Make one: openssl rand -base64 32.");
  }
}
