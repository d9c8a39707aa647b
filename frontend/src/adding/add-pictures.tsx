import { lazy, Suspense, useSyncExternalStore } from "react";
import { useShared } from "../shared";

const Panel = lazy(() => import("./panel").then((module) => ({ default: module.Panel })));

type Props = { open: boolean; onAdd: (files: readonly File[]) => void; onClose: () => void };

/** The upload queue's panel at the edge of the page, shown from the first addition until it is closed. */
export function AddPictures({ open, onAdd, onClose }: Props) {
  const { queue } = useShared();
  const items = useSyncExternalStore(queue.subscribe, queue.all);
  if (!open) return null;
  return (
    <Suspense>
      <Panel items={items} onAdd={onAdd} onClose={onClose} />
    </Suspense>
  );
}
