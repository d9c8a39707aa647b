/** Deletion with undo: a picture disappears from the wall at once, and is deleted in the system later. */

export class Removals {
  private hidden: ReadonlySet<string> = new Set();
  private pending = new Set<string>();
  private listeners = new Set<() => void>();

  /** @param remove deletes a picture for good; its request must survive the closing of the page. */
  constructor(private readonly remove: (id: string) => Promise<void>) {}

  subscribe = (listener: () => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** Ids of hidden pictures. */
  all = () => this.hidden;

  hide(id: string): void {
    this.pending.add(id);
    this.set(new Set(this.hidden).add(id));
  }

  /** Undo: show the picture again; false if it has already been deleted for good. */
  restore(id: string): boolean {
    if (!this.pending.delete(id)) return false;
    this.show(id);
    return true;
  }

  /** A picture was added to the collection: if it was deleted before, show it again. */
  added(id: string): void {
    if (!this.pending.has(id) && this.hidden.has(id)) this.show(id);
  }

  private show(id: string): void {
    const left = new Set(this.hidden);
    left.delete(id);
    this.set(left);
  }

  /** Delete a hidden picture for good; if that fails, show it again and throw the error. */
  async finish(id: string): Promise<void> {
    if (!this.pending.delete(id)) return;
    try {
      await this.remove(id);
    } catch (error) {
      this.show(id);
      throw error;
    }
  }

  /** The page is closed: delete all hidden pictures for good. */
  finishAll = () => {
    for (const id of [...this.pending]) void this.finish(id).catch(() => undefined);
  };

  private set(hidden: ReadonlySet<string>) {
    this.hidden = hidden;
    for (const listener of this.listeners) listener();
  }
}
