import { type Random, seededRandom } from '../../src/platform/random.js';

/**
 * Chances that depend on what they are asked about and on nothing else: neither order nor time. The same seed and names
 * give the same answer in a run that was killed and started again.
 */
export class Chance {
  constructor(private readonly seed: string) {}

  /** 0 ≤ x < 1. */
  number(...names: (string | number)[]): number {
    return this.draw(names).next();
  }

  happens(rate: number, ...names: (string | number)[]): boolean {
    return this.draw(names).happens(rate);
  }

  /** A whole number, both ends included. */
  between([least, most]: readonly [number, number], ...names: (string | number)[]): number {
    return this.draw(names).between(least, most);
  }

  pick<Item>(items: readonly [Item, ...Item[]], ...names: (string | number)[]): Item {
    return this.draw(names).pick(items);
  }

  /** One of several, by their shares; what the shares leave over goes to the last. */
  choice<Name extends string>(shares: Readonly<Record<Name, number>>, ...names: (string | number)[]): Name {
    const options = Object.entries(shares) as [Name, number][];
    let left = this.draw(names).next();
    for (const [name, share] of options) {
      if (left < share) return name;
      left -= share;
    }
    const last = options.at(-1);
    if (!last) throw new Error(`Nothing to choose from for ${names.join(' ')}.`);
    return last[0];
  }

  private draw(names: (string | number)[]): Random {
    return seededRandom(this.seed).fork(...names);
  }
}
