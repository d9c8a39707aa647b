import { type PointerEvent, useRef } from "react";

// Farther than a finger trembles, and more aside than along.
const FAR = 48;

/** A finger that sweeps to the left asks for the next picture, to the right for the one before. */
export function useSwipe(off: boolean, onNext: () => void, onPrevious: () => void) {
  const start = useRef<{ id: number; x: number; y: number } | null>(null);
  // On the way down: panzoom lets nothing up that it has seen.
  return {
    onPointerDownCapture: (event: PointerEvent) => {
      // A second finger means to zoom.
      const alone = event.isPrimary && event.pointerType === "touch" && !off;
      start.current = alone ? { id: event.pointerId, x: event.clientX, y: event.clientY } : null;
    },
    onPointerUpCapture: (event: PointerEvent) => {
      const begun = start.current;
      start.current = null;
      if (!begun || begun.id !== event.pointerId || off) return;
      const [dx, dy] = [event.clientX - begun.x, event.clientY - begun.y];
      if (Math.abs(dx) < FAR || Math.abs(dx) < 2 * Math.abs(dy)) return;
      if (dx < 0) onNext();
      else onPrevious();
    },
    onPointerCancelCapture: () => {
      start.current = null;
    },
  };
}
