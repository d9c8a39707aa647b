/** Toasts: short messages about what was just done, with an undo action. Outside React, so any code can show one. */

export type Toast = { id: number; text: string; action?: { name: string; run: () => void } };

// Long enough to read the message and to undo; after the pointer or the focus has left, some of it again.
const SHOWN_MS = 8000;
const LEFT_MS = 3000;

export class Toasts {
  private shown: readonly Toast[] = [];
  private container: Element | null = null;
  private listeners = new Set<() => void>();
  private timers = new Map<number, ReturnType<typeof setTimeout>>();
  private held = false;
  private next = 1;

  subscribe = (listener: () => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  all = () => this.shown;

  /** The element that the toasts are rendered in; null for the page itself. */
  where = () => this.container;

  showIn(container: Element | null): void {
    this.container = container;
    this.notify();
  }

  /** Show a toast. */
  say(text: string, action?: Toast["action"]): void {
    const id = this.next++;
    const taken = action && {
      name: action.name,
      run: () => {
        this.drop(id);
        action.run();
      },
    };
    this.shown = [...this.shown, taken ? { id, text, action: taken } : { id, text }];
    if (!this.held) this.wait(id, SHOWN_MS);
    this.notify();
  }

  /** While the pointer or the focus is on the toasts they stay. */
  hold(held: boolean): void {
    if (held === this.held) return;
    this.held = held;
    for (const { id } of this.shown) {
      clearTimeout(this.timers.get(id));
      if (!held) this.wait(id, LEFT_MS);
    }
  }

  private wait(id: number, ms: number) {
    this.timers.set(
      id,
      setTimeout(() => this.drop(id), ms),
    );
  }

  private drop(id: number) {
    clearTimeout(this.timers.get(id));
    this.timers.delete(id);
    if (this.shown.length === 1) this.held = false;
    this.shown = this.shown.filter((toast) => toast.id !== id);
    this.notify();
  }

  private notify() {
    for (const listener of this.listeners) listener();
  }
}
