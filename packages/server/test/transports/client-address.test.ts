import type { IncomingMessage } from "node:http";
import { describe, expect, it } from "vitest";
import { addressGroup, TrustedProxies } from "../../src/transports/client-address.ts";

function request(remoteAddress: string, forwardedFor?: string): Pick<IncomingMessage, "headers" | "socket"> {
  const headers = forwardedFor === undefined ? {} : { "x-forwarded-for": forwardedFor };
  return { headers, socket: { remoteAddress } as IncomingMessage["socket"] };
}

describe("the client's address", () => {
  const proxies = new TrustedProxies(["10.0.0.0/8", "2001:db8::/32"]);

  it.each([
    ["no proxy", "203.0.113.1", undefined, "203.0.113.1"],
    ["a header from somebody who is no proxy", "203.0.113.1", "198.51.100.1", "203.0.113.1"],
    ["one proxy", "10.0.0.1", "198.51.100.1", "198.51.100.1"],
    ["an invented entry before the proxy's own", "10.0.0.1", "1.2.3.4, 198.51.100.1", "198.51.100.1"],
    ["two proxies", "10.0.0.1", "198.51.100.1, 10.9.9.9", "198.51.100.1"],
    ["a proxy with an IPv6 address", "2001:db8::5", "198.51.100.1", "198.51.100.1"],
    ["IPv4 on a dual-stack socket", "::ffff:10.0.0.1", "::ffff:198.51.100.1", "198.51.100.1"],
    ["nonsense in the header", "10.0.0.1", "unknown", "10.0.0.1"],
    ["an empty header", "10.0.0.1", "", "10.0.0.1"],
    ["nothing but proxies", "10.0.0.1", "10.0.0.2", "10.0.0.2"],
  ])("with %s", (_case, remoteAddress, header, expected) => {
    expect(proxies.clientAddress(request(remoteAddress, header))).toBe(expected);
  });

  it("refuses a proxy that is neither an address nor a range", () => {
    expect(() => new TrustedProxies(["proxy.example"])).toThrow(/proxy\.example/);
  });
});

describe("the group of an address", () => {
  it.each([
    ["198.51.100.1", "198.51.100.1"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
    ["2001:DB8:0001:2::1", "2001:db8:1:2::/64"],
    ["2001:db8::1", "2001:db8:0:0::/64"],
    ["::1", "0:0:0:0::/64"],
    ["fe80::1%eth0", "fe80:0:0:0::/64"],
    ["1:2:3:4:5:6:1.2.3.4", "1:2:3:4::/64"],
    ["64:ff9b::1.2.3.4", "64:ff9b:0:0::/64"],
    ["unknown", "unknown"],
  ])("of %s is %s", (address, group) => {
    expect(addressGroup(address)).toBe(group);
  });
});
