import { createHash } from 'node:crypto';

/**
 * Chances that depend on what they are asked about and on nothing else: neither order nor time. The same seed and names
 * give the same answer in a run that was killed and started again.
 */
export class Chance {
  constructor(private readonly seed: string) {}

  /** 0 ≤ x < 1. */
  number(...names: (string | number)[]): number {
    const digest = createHash('sha256')
      .update(JSON.stringify([this.seed, ...names]))
      .digest();
    return digest.readUIntBE(0, 6) / 2 ** 48;
  }

  happens(rate: number, ...names: (string | number)[]): boolean {
    return this.number(...names) < rate;
  }

  /** A whole number, both ends included. */
  between([least, most]: readonly [number, number], ...names: (string | number)[]): number {
    return least + Math.floor(this.number(...names) * (most - least + 1));
  }

  /** One of several, by their shares; what the shares leave over goes to the last. */
  choice<Name extends string>(shares: Readonly<Record<Name, number>>, ...names: (string | number)[]): Name {
    const options = Object.entries(shares) as [Name, number][];
    let left = this.number(...names);
    for (const [name, share] of options) {
      if (left < share) return name;
      left -= share;
    }
    const last = options.at(-1);
    if (!last) throw new Error(`Nothing to choose from for ${names.join(' ')}.`);
    return last[0];
  }
}
