/** Pictures that were deleted on the page and can still be had back: gone from the wall at once, from the system later. */

export class Removals {
  private hidden: ReadonlySet<string> = new Set();
  private pending = new Set<string>();
  private listeners = new Set<() => void>();

  /** @param remove deletes a picture for good; it must outlive the page. */
  constructor(private readonly remove: (id: string) => Promise<void>) {}

  subscribe = (listener: () => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** Ids of pictures that are not to be shown. */
  all = () => this.hidden;

  hide(id: string): void {
    this.pending.add(id);
    this.set(new Set(this.hidden).add(id));
  }

  /** Show it again; false where it has been deleted for good meanwhile. */
  restore(id: string): boolean {
    if (!this.pending.delete(id)) return false;
    this.show(id);
    return true;
  }

  /** A picture has come into the collection: if it was deleted before, it is back. */
  added(id: string): void {
    if (!this.pending.has(id) && this.hidden.has(id)) this.show(id);
  }

  private show(id: string): void {
    const left = new Set(this.hidden);
    left.delete(id);
    this.set(left);
  }

  /** Delete a hidden picture; one that could not be deleted is shown again, and the error thrown. */
  async finish(id: string): Promise<void> {
    if (!this.pending.delete(id)) return;
    try {
      await this.remove(id);
    } catch (error) {
      this.show(id);
      throw error;
    }
  }

  /** The page goes: what was deleted is not undone any more. */
  finishAll = () => {
    for (const id of [...this.pending]) void this.finish(id).catch(() => undefined);
  };

  private set(hidden: ReadonlySet<string>) {
    this.hidden = hidden;
    for (const listener of this.listeners) listener();
  }
}
