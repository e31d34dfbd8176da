/** What two sides meet by: whoever comes first makes the promise, one resolves it, the other waits for it. */
export class Meetings {
  #open = new Map();

  tell(key, value) {
    this.#at(key).resolve(value);
  }

  /** Everything is told once and waited for once. */
  async hear(key) {
    const value = await this.#at(key).promise;
    this.#open.delete(key);
    return value;
  }

  get size() {
    return this.#open.size;
  }

  #at(key) {
    const known = this.#open.get(key);
    if (known) return known;
    const meeting = Promise.withResolvers();
    this.#open.set(key, meeting);
    return meeting;
  }
}
