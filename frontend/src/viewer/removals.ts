/** Deletion with undo: pictures disappear from the wall at once, and are in the bin, from which undo restores them. */

type Steps = {
  /** Moves pictures to the bin. */
  remove: (ids: readonly string[]) => Promise<void>;
  /** Restores pictures from the bin. */
  restore: (ids: readonly string[]) => Promise<void>;
};

export class Removals {
  private hidden: ReadonlySet<string> = new Set();
  private listeners = new Set<() => void>();
  // The last step: an undo waits for the deletion that it undoes.
  private last: Promise<unknown> = Promise.resolve();

  constructor(private readonly steps: Steps) {}

  subscribe = (listener: () => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** Ids of hidden pictures. */
  all = () => this.hidden;

  /** Delete pictures; if that fails, show them again and throw the error. */
  async remove(ids: readonly string[]): Promise<void> {
    this.set(new Set([...this.hidden, ...ids]));
    try {
      await this.next(() => this.steps.remove(ids));
    } catch (error) {
      this.show(ids);
      throw error;
    }
  }

  /** Restore deleted pictures; throws the error if that fails. */
  async restore(ids: readonly string[]): Promise<void> {
    await this.next(() => this.steps.restore(ids));
    this.show(ids);
  }

  /** Show pictures that are in the collection again. */
  show(ids: readonly string[]): void {
    if (!ids.some((id) => this.hidden.has(id))) return;
    const back = new Set(ids);
    this.set(new Set([...this.hidden].filter((id) => !back.has(id))));
  }

  private next(step: () => Promise<void>): Promise<void> {
    const done = this.last.then(step, step);
    this.last = done;
    return done;
  }

  private set(hidden: ReadonlySet<string>) {
    this.hidden = hidden;
    for (const listener of this.listeners) listener();
  }
}
