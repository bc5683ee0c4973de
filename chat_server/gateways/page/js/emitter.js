// Tells those who listen that something happened.

export class Emitter {
  #listeners = new Map();

  /** Call `listener` with each event of that name. */
  on(name, listener) {
    if (!this.#listeners.has(name)) this.#listeners.set(name, []);
    this.#listeners.get(name).push(listener);
  }

  /** Return a promise of the next event of that name. */
  next(name) {
    return new Promise((resolve) => {
      const once = () => {
        this.#listeners.set(name, this.#listeners.get(name).filter((each) => each !== once));
        resolve();
      };
      this.on(name, once);
    });
  }

  /** Tell those who listen to `name`. */
  emit(name, ...details) {
    for (const listener of this.#listeners.get(name) ?? []) listener(...details);
  }
}
