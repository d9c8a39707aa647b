/** Zoom and pan of one picture, by panzoom: wheel, pinch, double click, drag, and keys. */

import Panzoom, { type PanzoomObject } from "@panzoom/panzoom";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";

const NEAREST = 8;

export type Zoom = {
  /** What is moved: an element as large as its parent, around the picture. */
  container: (element: HTMLDivElement | null) => (() => void) | undefined;
  /** Whether it is nearer than it was at first. */
  near: boolean;
  in: () => void;
  out: () => void;
  /** Move it by so many pixels. */
  pan: (x: number, y: number) => void;
};

/** @param what names the picture: another one is seen as a whole at first. */
export function useZoom(what: string): Zoom {
  const panzoom = useRef<PanzoomObject>(null);
  const [near, setNear] = useState(false);

  // The element is there as soon as the picture is known, which may be later than the viewer.
  const attach = useCallback((container: HTMLDivElement | null) => {
    const frame = container?.parentElement;
    if (!container || !frame) return;
    const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    const made = Panzoom(container, {
      minScale: 1,
      maxScale: NEAREST,
      contain: "outside",
      // There is nothing to drag about while all of it is in sight.
      panOnlyWhenZoomed: true,
      animate: !still,
      duration: 140,
      cursor: "",
      // A finger that goes up and down over the whole picture scrolls the page.
      touchAction: "pan-y",
    });
    panzoom.current = made;
    const wheel = (event: WheelEvent) => {
      event.preventDefault();
      made.zoomWithWheel(event, { animate: false });
    };
    const twice = (event: MouseEvent) => {
      if (made.getScale() > 1) made.reset();
      else made.zoomToPoint(2.5, event);
    };
    const changed = () => {
      const closer = made.getScale() > 1.01;
      container.style.touchAction = closer ? "none" : "pan-y";
      setNear(closer);
    };
    frame.addEventListener("wheel", wheel, { passive: false });
    frame.addEventListener("dblclick", twice);
    container.addEventListener("panzoomchange", changed);
    return () => {
      frame.removeEventListener("wheel", wheel);
      frame.removeEventListener("dblclick", twice);
      container.removeEventListener("panzoomchange", changed);
      made.destroy();
      panzoom.current = null;
    };
  }, []);

  // biome-ignore lint/correctness/useExhaustiveDependencies: it is the other picture that matters
  useEffect(() => {
    panzoom.current?.reset({ animate: false });
  }, [what]);

  return useMemo(
    () => ({
      container: attach,
      near,
      in: () => panzoom.current?.zoomIn({ step: 0.5 }),
      out: () => panzoom.current?.zoomOut({ step: 0.5 }),
      pan: (x, y) => panzoom.current?.pan(x, y, { relative: true }),
    }),
    [attach, near],
  );
}
