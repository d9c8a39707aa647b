import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";
import { Link } from "react-router";
import { type Hit, nameOf, thumbnail } from "../api";
import { AlikeIcon } from "../ui/icons";
import { justify, type Size } from "./justify";
import { hrefOfLike, type Place } from "./url";
import styles from "./wall.module.css";

const GAP = 6;
const PHONE = 600;

type Props = {
  hits: readonly Hit[];
  place: Place;
  /** An older wall stays, dimmed, until the new one is there. */
  stale: boolean;
  /** Called when the end of the wall comes near, while there is more. */
  onEnd?: (() => void) | undefined;
};

/** The results: a justified wall, sizes known before any picture is loaded. */
export function Wall({ hits, place, stale, onEnd }: Props) {
  const [list, width] = useWidth<HTMLUListElement>();
  const sizes = useMemo(
    () => (width ? justify(hits, width, width < PHONE ? 150 : 220, GAP) : []),
    [hits, width],
  );
  return (
    <>
      <ul ref={list} className={styles.wall} data-stale={stale || undefined} aria-busy={stale}>
        {hits.map((hit, i) => {
          const size = sizes[i];
          return size && <Tile key={hit.id} hit={hit} size={size} place={place} eager={i < 12} />;
        })}
      </ul>
      {onEnd && <End onEnd={onEnd} />}
    </>
  );
}

function Tile({ hit, size, place, eager }: { hit: Hit; size: Size; place: Place; eager: boolean }) {
  const [loaded, setLoaded] = useState(false);
  const name = nameOf(hit);
  return (
    <li className={styles.tile} style={{ width: size.width, height: size.height }}>
      <Link
        id={`tile-${hit.id}`}
        className={styles.picture}
        to={place.href({ picture: hit.id })}
        state={{ fromWall: true }}
      >
        <img
          src={thumbnail(hit, 480)}
          srcSet={`${thumbnail(hit, 240)} 240w, ${thumbnail(hit, 480)} 480w, ${thumbnail(hit, 960)} 960w`}
          sizes={`${size.width}px`}
          width={size.width}
          height={size.height}
          alt={name}
          loading={eager ? "eager" : "lazy"}
          decoding="async"
          data-loaded={loaded || undefined}
          onLoad={() => setLoaded(true)}
        />
      </Link>
      <div className={styles.label}>
        <span title={name}>{name}</span>
        <Link to={hrefOfLike(hit.id)} title="More like this" aria-label={`More like this: ${name}`}>
          <AlikeIcon size={18} />
        </Link>
      </div>
    </li>
  );
}

/** A wall whose results are not known yet: only the shape of what will come. */
export function WallSkeleton() {
  const [list, width] = useWidth<HTMLDivElement>();
  const shapes = [1.4, 0.8, 1.5, 1, 0.75, 1.33, 1.6, 0.7, 1, 1.45, 1.2, 0.9, 1.5, 1, 1.3, 0.8, 1.4, 1.1];
  const sizes = width
    ? justify(
        shapes.map((ratio) => ({ width: ratio, height: 1 })),
        width,
        width < PHONE ? 150 : 220,
        GAP,
      )
    : [];
  return (
    <div ref={list} className={styles.wall} aria-hidden="true">
      {sizes.map((size, i) => (
        <div key={i} className={styles.tile} style={{ width: size.width, height: size.height }} />
      ))}
    </div>
  );
}

/** Tells when the reader comes near the end of the wall. */
function End({ onEnd }: { onEnd: () => void }) {
  const mark = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!mark.current) return;
    const observer = new IntersectionObserver(
      (entries) => {
        if (entries.some((entry) => entry.isIntersecting)) onEnd();
      },
      { rootMargin: "1200px" },
    );
    observer.observe(mark.current);
    return () => observer.disconnect();
  }, [onEnd]);
  return <div ref={mark} />;
}

/** An element's width in whole pixels, kept as the window changes. */
function useWidth<E extends HTMLElement>() {
  const element = useRef<E>(null);
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    if (!element.current) return;
    setWidth(Math.floor(element.current.getBoundingClientRect().width));
    const observer = new ResizeObserver(([entry]) => {
      if (entry) setWidth(Math.floor(entry.contentRect.width));
    });
    observer.observe(element.current);
    return () => observer.disconnect();
  }, []);
  return [element, width] as const;
}
