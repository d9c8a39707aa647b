/** Zoom and pan of one picture, by panzoom: wheel, pinch, double click, drag. */

import Panzoom, { type PanzoomObject } from "@panzoom/panzoom";
import { useEffect, useRef, useState } from "react";

const NEAREST = 8;

export function useZoom() {
  const lens = useRef<HTMLDivElement>(null);
  const panzoom = useRef<PanzoomObject>(null);
  const [near, setNear] = useState(false);

  useEffect(() => {
    const glass = lens.current;
    const frame = glass?.parentElement;
    if (!glass || !frame) return;
    const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    const made = Panzoom(glass, {
      minScale: 1,
      maxScale: NEAREST,
      contain: "outside",
      // There is nothing to drag about while all of it is in sight.
      panOnlyWhenZoomed: true,
      animate: !still,
      duration: 140,
      cursor: "",
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
    const changed = () => setNear(made.getScale() > 1.01);
    frame.addEventListener("wheel", wheel, { passive: false });
    frame.addEventListener("dblclick", twice);
    glass.addEventListener("panzoomchange", changed);
    return () => {
      frame.removeEventListener("wheel", wheel);
      frame.removeEventListener("dblclick", twice);
      glass.removeEventListener("panzoomchange", changed);
      made.destroy();
    };
  }, []);

  return {
    /** What is moved: an element as large as its parent, around the picture. */
    lens,
    /** Whether it is nearer than it was at first. */
    near,
    in: () => panzoom.current?.zoomIn({ step: 0.5 }),
    out: () => panzoom.current?.zoomOut({ step: 0.5 }),
  };
}
