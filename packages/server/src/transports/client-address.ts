/** Who is at the other end, and which addresses count as one client. */
import type { IncomingMessage } from "node:http";
import { BlockList, isIP, isIPv4, isIPv6 } from "node:net";

export class TrustedProxies {
  readonly #trusted = new BlockList();

  /** @param proxies addresses or CIDR ranges of the proxies whose `X-Forwarded-For` is believed.
   * @throws Error naming the entry that is neither. */
  constructor(proxies: readonly string[]) {
    for (const proxy of proxies) {
      const [address = "", prefix] = proxy.split("/");
      const family = isIPv6(address) ? "ipv6" : "ipv4";
      if (!isIP(address)) throw new Error(`"${proxy}" is neither an IP address nor a CIDR range.`);
      if (prefix === undefined) this.#trusted.addAddress(address, family);
      else this.#trusted.addSubnet(address, Number(prefix), family);
    }
  }

  /**
   * The client's address. Every proxy appends the address that it was called from, so the header is read from its end
   * for as long as the addresses are trusted ones; what stands before may have been written by anybody.
   */
  clientAddress(request: Pick<IncomingMessage, "headers" | "socket">): string {
    let address = plain(request.socket.remoteAddress ?? "unknown");
    const header = request.headers["x-forwarded-for"];
    const hops = (Array.isArray(header) ? header.join(",") : (header ?? "")).split(",").map((hop) => plain(hop.trim()));
    for (const hop of hops.reverse()) {
      if (!this.#trusts(address) || !isIP(hop)) return address;
      address = hop;
    }
    return address;
  }

  /** Is this the address of a proxy, behind which many clients are? As `remoteAddress` of a socket gives it. */
  isProxy(address: string): boolean {
    return this.#trusts(plain(address));
  }

  #trusts(address: string): boolean {
    return isIP(address) !== 0 && this.#trusted.check(address, isIPv6(address) ? "ipv6" : "ipv4");
  }
}

/** IPv4 written as IPv6 (`::ffff:192.0.2.1`, as dual-stack sockets report it) is IPv4. */
function plain(address: string): string {
  const mapped = /^::ffff:([0-9.]+)$/i.exec(address)?.[1];
  return mapped !== undefined && isIPv4(mapped) ? mapped : address;
}

/** Addresses that count as one client: an IPv4 address, an IPv6 /64 (that is what one subscriber is given). */
export function addressGroup(address: string): string {
  if (!isIPv6(address)) return address;
  const bare = address.split("%")[0] as string;
  const [head = "", tail] = bare.split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === undefined || tail === "" ? [] : tail.split(":");
  const words = right.some((word) => word.includes(".")) ? right.length + 1 : right.length;
  const zeros = tail === undefined ? [] : new Array<string>(Math.max(0, 8 - left.length - words)).fill("0");
  const network = [...left, ...zeros, ...right].slice(0, 4).map((word) => Number.parseInt(word, 16).toString(16));
  return `${network.join(":")}::/64`;
}
