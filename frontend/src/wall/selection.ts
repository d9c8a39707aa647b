/** The selected pictures of a wall. Independent of React. */

import type { Hit } from "../api/schema";

export class Selection {
  private chosen: ReadonlyMap<string, Hit> = new Map();
  /** Where a range begins: the picture that was chosen last by itself, and what was chosen before. */
  private anchor: { id: string; before: ReadonlyMap<string, Hit> } | null = null;
  private listeners = new Set<() => void>();

  subscribe = (listener: () => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** The selected pictures by id, in the order in which they were selected. */
  all = () => this.chosen;

  /** Select a picture, or no longer. */
  toggle(hit: Hit): void {
    const next = new Map(this.chosen);
    if (!next.delete(hit.id)) next.set(hit.id, hit);
    this.anchor = { id: hit.id, before: next };
    this.set(next);
  }

  /** Select all pictures from the anchor to one of them; without an anchor on this wall only that one. */
  extend(hits: readonly Hit[], to: number): void {
    const last = hits[to];
    if (!last) return;
    const from = hits.findIndex((hit) => hit.id === this.anchor?.id);
    if (from < 0 || !this.anchor) {
      if (!this.chosen.has(last.id)) this.toggle(last);
      return;
    }
    const next = new Map(this.anchor.before);
    for (const hit of hits.slice(Math.min(from, to), Math.max(from, to) + 1)) next.set(hit.id, hit);
    this.set(next);
  }

  /** Select all of some pictures. */
  choose(hits: readonly Hit[]): void {
    this.set(new Map(hits.map((hit) => [hit.id, hit])));
  }

  clear = () => {
    this.anchor = null;
    if (this.chosen.size > 0) this.set(new Map());
  };

  private set(chosen: ReadonlyMap<string, Hit>) {
    this.chosen = chosen;
    for (const listener of this.listeners) listener();
  }
}
