import { type LookupAddress, lookup } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';

/** Addresses that are not on the public internet (RFC 6890 and what leads to them): a partner never lives there. */
const NOT_PUBLIC = new BlockList();
for (const [network, bits] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
] as const)
  NOT_PUBLIC.addSubnet(network, bits, 'ipv4');
for (const [network, bits] of [
  ['::', 96],
  ['64:ff9b::', 96],
  ['64:ff9b:1::', 48],
  ['100::', 64],
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['fc00::', 7],
  ['fe80::', 10],
  ['fec0::', 10],
  ['ff00::', 8],
] as const)
  NOT_PUBLIC.addSubnet(network, bits, 'ipv6');

const LOOPBACK_HOSTS = new Set(['127.0.0.1', '[::1]', 'localhost']);

/**
 * Why this cannot be a partner's address, or null. A partner is reached by https on port 443, by a name, without a login in
 * the address; `loopback` also lets simulated partners on this machine in, by http.
 */
export function badPartnerUrl(text: string, options: { loopback?: boolean } = {}): string | null {
  if (!URL.canParse(text)) return `"${text}" is not a URL.`;
  const url = new URL(text);
  if (url.username || url.password) return 'A partner URL must not hold a user name or a password.';
  if (url.search || url.hash) return 'A partner URL must end with its path: no "?" and no "#".';
  if (options.loopback && url.protocol === 'http:' && LOOPBACK_HOSTS.has(url.hostname)) return null;
  if (url.protocol !== 'https:') return 'A partner URL must begin with https://.';
  if (url.port !== '') return 'A partner must be reached on port 443.';
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (isIP(host) && !isPublic(host)) return `${host} is not an address on the public internet.`;
  return null;
}

/**
 * Resolves a name once, for the connection itself, so that what was checked is what is connected to. One address that is
 * not public condemns the name: it is how a name is turned against the inner network.
 */
export const lookupPublic: LookupFunction = (hostname, options, answer) => {
  lookup(hostname, { ...options, all: true }, (error, addresses) => {
    const refuse = (reason: Error) => answer(reason, options.all ? ([] as LookupAddress[]) : '', 0);
    if (error) return refuse(error);
    const inner = addresses.find(({ address }) => !isPublic(address));
    if (inner) return refuse(new NotPublic(hostname, inner.address));
    const [first] = addresses;
    if (!first) return refuse(new Error(`${hostname} has no address.`));
    if (options.all) answer(null, addresses);
    else answer(null, first.address, first.family);
  });
};

/** The partner's name leads to a machine that is not on the public internet. */
export class NotPublic extends Error {
  readonly code = 'NOT_PUBLIC';

  constructor(hostname: string, address: string) {
    super(`${hostname} leads to ${address}, which is not on the public internet.`);
    this.name = 'NotPublic';
  }
}

function isPublic(address: string): boolean {
  return !NOT_PUBLIC.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
}
