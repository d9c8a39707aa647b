/** The page's singletons, provided by React context. */

import { createContext, use } from "react";
import type { Queue } from "./adding/queue";
import type { Toasts } from "./ui/toasts";
import type { Removals } from "./viewer/removals";
import type { Selection } from "./wall/selection";

/** Unsaved changes of a picture's words: they survive that its form or the viewer is closed. */
export type Draft = { caption: string; tags: string };

export type Shared = {
  toasts: Toasts;
  queue: Queue;
  removals: Removals;
  selection: Selection;
  drafts: Map<string, Draft>;
};

export const SharedContext = createContext<Shared | null>(null);

export function useShared(): Shared {
  const shared = use(SharedContext);
  if (!shared) throw new Error("no SharedContext around this component");
  return shared;
}
