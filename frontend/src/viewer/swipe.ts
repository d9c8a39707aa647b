import { type PointerEvent, useRef } from "react";

// Least horizontal distance of a swipe in pixels; it must also exceed the vertical distance.
const FAR = 48;

/** A swipe to the left shows the next picture, to the right the previous one. */
export function useSwipe(off: boolean, onNext: () => void, onPrevious: () => void) {
  const start = useRef<{ id: number; x: number; y: number } | null>(null);
  // Capture phase: panzoom stops the propagation of the events that it handles.
  return {
    onPointerDownCapture: (event: PointerEvent) => {
      // With a second finger it is a pinch, not a swipe.
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
