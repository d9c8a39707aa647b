import { memo, useEffect, useMemo, useRef, useState } from "react";
import { thumbnail } from "../api/queries";
import type { Hit } from "../api/schema";
import { useMessages } from "../i18n/language";
import { Link } from "../navigation";
import { AWAY, alike, hrefOf, withTerm } from "../search/query";
import type { SearchParams } from "../search/search-params";
import { AddIcon, AlikeIcon, AwayIcon, CheckIcon } from "../ui/icons";
import { blurOf, toneOf } from "./likeness";
import { nameOf } from "./name";
import styles from "./wall.module.css";

type Props = {
  hit: Hit;
  index: number;
  x: number;
  y: number;
  width: number;
  height: number;
  params: SearchParams;
  /** Whether this is the wall's tab stop (roving tabindex). */
  active: boolean;
  /** Whether it is the last picture of the last page. */
  last: boolean;
  selected: boolean;
  onFocus: (index: number) => void;
  /** Whether the wall is being scrolled. */
  isMoving: () => boolean;
};

// While the wall scrolls, thumbnails are fetched only after this time: those that scroll past would delay the next.
const GLANCE_MS = 90;

const AGAIN_MS = 2000;
const MOST_FAILURES = 2;

// A small picture is enlarged at most so many times; the tile shows its well around it.
const ENLARGED = 1.5;

// Longer than the picture takes to fade in.
const FADED_MS = 250;

// Three actions of 34 pixels; in a narrower tile the viewer offers them.
const ROOM_FOR_ACTIONS = 102;

// In a narrower tile there is no room for the name beside the actions.
const ROOM_FOR_WORDS = 190;

/** One picture of the wall, memoised. Its name and actions are shown only on hover or focus. */
export const Tile = memo(function Tile({
  hit,
  index,
  x,
  y,
  width,
  height,
  params,
  active,
  last,
  selected,
  onFocus,
  isMoving,
}: Props) {
  const t = useMessages();
  const [loaded, setLoaded] = useState(false);
  // The placeholder stays until the picture has faded in over it.
  const [covered, setCovered] = useState(false);
  useEffect(() => {
    if (!loaded) return;
    const timer = setTimeout(() => setCovered(true), FADED_MS);
    return () => clearTimeout(timer);
  }, [loaded]);
  const [due, setDue] = useState(() => !isMoving());
  const [pointed, setPointed] = useState(false);
  useEffect(() => {
    if (due) return;
    const timer = setTimeout(() => setDue(true), GLANCE_MS);
    return () => clearTimeout(timer);
  }, [due]);
  // Retry a thumbnail that fails to load; after MOST_FAILURES retries, show its name instead.
  const failures = useRef(0);
  const failed = () => {
    failures.current += 1;
    if (failures.current > MOST_FAILURES) setLoaded(true);
    else setTimeout(() => setDue(false), AGAIN_MS);
  };
  const tone = useMemo(() => toneOf(hit.placeholder), [hit.placeholder]);
  const blur = useMemo(() => (due ? blurOf(hit.placeholder) : ""), [due, hit.placeholder]);
  const name = nameOf(hit, t);
  const stop = active ? 0 : -1;
  const term = (weight: number) => hrefOf(withTerm(params.query, { kind: "like", value: hit.id, weight }));
  return (
    <li
      className={styles.tile}
      style={{
        width,
        height,
        transform: `translate(${x}px, ${y}px)`,
        ...(covered ? {} : { backgroundColor: tone, backgroundImage: blur }),
      }}
      data-index={index}
      data-selected={selected || undefined}
      aria-posinset={index + 1}
      aria-setsize={last ? index + 1 : -1}
      onFocus={() => onFocus(index)}
      onPointerEnter={() => setPointed(true)}
      onPointerLeave={() => setPointed(false)}
    >
      <Link
        id={`tile-${hit.id}`}
        className={styles.picture}
        data-picture
        to={params.show(hit.id)}
        fromWall
        tabIndex={stop}
      >
        <img
          {...(due && {
            src: thumbnail(hit, 480),
            srcSet: `${thumbnail(hit, 240)} 240w, ${thumbnail(hit, 480)} 480w, ${thumbnail(hit, 960)} 960w`,
          })}
          sizes={`${width}px`}
          width={width}
          height={height}
          style={{ maxWidth: ENLARGED * hit.width, maxHeight: ENLARGED * hit.height }}
          alt={name}
          decoding="async"
          data-loaded={loaded || undefined}
          onLoad={() => setLoaded(true)}
          onError={failed}
        />
      </Link>
      {(pointed || active || selected) && (
        <button
          type="button"
          data-pick
          className={styles.pick}
          aria-pressed={selected}
          aria-label={t.wall.of(t.wall.select, name)}
          tabIndex={stop}
        >
          <CheckIcon size={16} />
        </button>
      )}
      {/* Rendered only on hover or focus: three links with icons per picture are half of a screen's rendering time. */}
      {(pointed || active) && width >= ROOM_FOR_ACTIONS && (
        <div className={styles.label}>
          {width >= ROOM_FOR_WORDS && <span title={name}>{name}</span>}
          <Link
            to={hrefOf(alike(params.query, hit.id))}
            title={t.wall.alike}
            aria-label={t.wall.of(t.wall.alike, name)}
            tabIndex={stop}
          >
            <AlikeIcon size={18} />
          </Link>
          <Link to={term(1)} title={t.wall.add} aria-label={t.wall.of(t.wall.add, name)} tabIndex={stop}>
            <AddIcon size={18} />
          </Link>
          <Link to={term(AWAY)} title={t.wall.away} aria-label={t.wall.of(t.wall.away, name)} tabIndex={stop}>
            <AwayIcon size={18} />
          </Link>
        </div>
      )}
    </li>
  );
});
