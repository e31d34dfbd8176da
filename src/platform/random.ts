import { createHash } from 'node:crypto';

/** Chance that can be repeated. Not for secrets. */
export interface Random {
  /** 0 ≤ x < 1, with 53 bits. */
  next(): number;
  /** Whole number, `from` and `to` included. */
  between(from: number, to: number): number;
  /** True in `share` (0 to 1) of all calls. */
  happens(share: number): boolean;
  pick<T>(items: readonly [T, ...T[]]): T;
  /**
   * Chance of its own for a part of the whole, the same whatever else was drawn before: what happens to family 17 does
   * not depend on the order in which families come.
   */
  fork(...parts: (string | number)[]): Random;
}

/** Equal seeds give equal numbers on every machine. */
export function seededRandom(seed: string | number): Random {
  const draw = xoshiro128(createHash('sha256').update(String(seed)).digest());
  const next = () => ((draw() >>> 5) * 0x4000000 + (draw() >>> 6)) / 2 ** 53;
  const between = (from: number, to: number) => from + Math.floor(next() * (to - from + 1));
  return {
    next,
    between,
    happens: (share) => next() < share,
    pick: (items) => items[between(0, items.length - 1)] ?? items[0],
    fork: (...parts) => seededRandom(JSON.stringify([String(seed), ...parts])),
  };
}

/** xoshiro128** (Blackman and Vigna, 2018): small, fast, long period; 32 bits a call. The state must not be all zero. */
function xoshiro128(state: Buffer): () => number {
  let a = state.readUInt32LE(0);
  let b = state.readUInt32LE(4);
  let c = state.readUInt32LE(8);
  let d = state.readUInt32LE(12) | 1;
  return () => {
    const result = Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = rotate(d, 11);
    return result;
  };
}

function rotate(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}
