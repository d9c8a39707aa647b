/** Zoom and pan of one picture, by panzoom: wheel, pinch, double click, drag, and keys. */

import Panzoom, { type PanzoomObject } from "@panzoom/panzoom";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { shownWidth } from "./grow";

// A picture of 16,000 pixels on a screen of 1,000 can be shown pixel by pixel.
const NEAREST = 16;

export type Zoom = {
  /** Ref of the element that is transformed: it is as large as its parent and contains the picture. */
  container: (element: HTMLDivElement | null) => (() => void) | undefined;
  /** Whether the picture is zoomed in. */
  near: boolean;
  in: () => void;
  out: () => void;
  /** Between the whole picture and its own pixels; `width` is the picture's in pixels. */
  actual: (width: number) => void;
  /** Pan by a number of pixels. */
  pan: (x: number, y: number) => void;
};

/** @param what identifies the picture: the zoom is reset when it changes. */
export function useZoom(what: string): Zoom {
  const panzoom = useRef<PanzoomObject>(null);
  const frame = useRef<HTMLElement>(null);
  const [near, setNear] = useState(false);

  // A callback ref: the element is mounted when the picture has loaded, which may be after the viewer was.
  const attach = useCallback((container: HTMLDivElement | null) => {
    const around = container?.parentElement;
    if (!container || !around) return;
    frame.current = around;
    const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    const made = Panzoom(container, {
      minScale: 1,
      maxScale: NEAREST,
      contain: "outside",
      // Nothing to pan while the whole picture is visible.
      panOnlyWhenZoomed: true,
      animate: !still,
      duration: 140,
      cursor: "",
      // A vertical drag on a picture that is not zoomed scrolls the page.
      touchAction: "pan-y",
    });
    panzoom.current = made;
    const wheel = (event: WheelEvent) => {
      event.preventDefault();
      made.zoomWithWheel(event, { animate: false });
    };
    const twice = (event: MouseEvent) => {
      // On a text in the picture it selects a word.
      if (event.target instanceof SVGTextElement) return;
      if (made.getScale() > 1) made.reset();
      else made.zoomToPoint(2.5, event);
    };
    const changed = () => {
      const closer = made.getScale() > 1.01;
      container.style.touchAction = closer ? "none" : "pan-y";
      setNear(closer);
    };
    around.addEventListener("wheel", wheel, { passive: false });
    around.addEventListener("dblclick", twice);
    container.addEventListener("panzoomchange", changed);
    return () => {
      around.removeEventListener("wheel", wheel);
      around.removeEventListener("dblclick", twice);
      container.removeEventListener("panzoomchange", changed);
      made.destroy();
      panzoom.current = null;
    };
  }, []);

  // biome-ignore lint/correctness/useExhaustiveDependencies: reset when the picture changes
  useEffect(() => {
    panzoom.current?.reset({ animate: false });
  }, [what]);

  return useMemo(
    () => ({
      container: attach,
      near,
      in: () => panzoom.current?.zoomIn({ step: 0.5 }),
      out: () => panzoom.current?.zoomOut({ step: 0.5 }),
      actual: (width) => {
        const picture = frame.current?.querySelector("img");
        if (!picture || !panzoom.current) return;
        // Not animated: in the middle of an animation panzoom takes the element's passing size for its own.
        if (panzoom.current.getScale() > 1.01) return panzoom.current.reset({ animate: false });
        const shown = shownWidth(picture);
        panzoom.current.zoom(Math.max(1.1, width / window.devicePixelRatio / shown), { animate: false });
      },
      pan: (x, y) => panzoom.current?.pan(x, y, { relative: true }),
    }),
    [attach, near],
  );
}
