/** The page's singletons, provided by React context. */

import { createContext, use } from "react";
import type { Queue } from "./adding/queue";
import type { Toasts } from "./ui/toasts";
import type { Removals } from "./viewer/removals";

export type Shared = { toasts: Toasts; queue: Queue; removals: Removals };

export const SharedContext = createContext<Shared | null>(null);

export function useShared(): Shared {
  const shared = use(SharedContext);
  if (!shared) throw new Error("no SharedContext around this component");
  return shared;
}
