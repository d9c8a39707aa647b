import { useQuery } from "@tanstack/react-query";
import { textOf } from "../api/queries";
import type { Hit, Line, Picture } from "../api/schema";
import { usePageSpeech } from "../i18n/pages";
import { useShared } from "../shared";
import { copyText } from "../ui/copy";
import styles from "./written.module.css";

// SVG's baseline: letters stand on it at about this share of a line's height.
const BASELINE = 0.78;
// A box so many times as high as it is wide holds a line that runs downwards.
const UPRIGHT = 1.5;

type Props = { picture: Picture; hit: Hit | undefined };

/**
 * The text in a picture at its place: invisible, to be selected and copied, and the lines of the search marked. An SVG,
 * since its viewBox fits a box as `object-fit: contain` does.
 */
export function WrittenLayer({ picture, hit }: Props) {
  const { data } = useQuery(textOf(picture.id));
  if (!data || data.lines.length === 0) return null;
  const { width, height } = picture;
  const marked = new Set(hit?.lines.map(keyOf));
  return (
    // The same text stands beside the picture, for screen readers too.
    <svg
      className={styles.layer}
      viewBox={`0 0 ${width} ${height}`}
      style={{ maxWidth: `min(100%, ${2 * width}px)`, maxHeight: `min(100%, ${2 * height}px)` }}
      aria-hidden="true"
    >
      {data.lines.map((line) => {
        const place = placeOf(line, width, height);
        return (
          <g key={keyOf(line)}>
            {marked.has(keyOf(line)) && <polygon className={styles.mark} points={place.points} />}
            {/* panzoom leaves it alone, so that a drag selects. */}
            <text
              className="panzoom-exclude"
              transform={place.transform}
              y={BASELINE * place.size}
              fontSize={place.size}
              textLength={place.length}
              lengthAdjust="spacingAndGlyphs"
            >
              {line.text}
            </text>
          </g>
        );
      })}
    </svg>
  );
}

function keyOf(line: Line): string {
  return `${line.box.join()} ${line.text}`;
}

/** Where a line of a picture is, in its pixels. */
export function placeOf(line: Line, width: number, height: number) {
  const corners = [0, 2, 4, 6].map((i) => [(line.box[i] ?? 0) * width, (line.box[i + 1] ?? 0) * height]);
  const [a, b, c] = corners as [[number, number], [number, number], [number, number]];
  const across = Math.hypot(b[0] - a[0], b[1] - a[1]);
  const down = Math.hypot(c[0] - b[0], c[1] - b[1]);
  const upright = down > UPRIGHT * across && line.text.length > 1;
  const [from, to] = upright ? [b, c] : [a, b];
  const angle = (Math.atan2(to[1] - from[1], to[0] - from[0]) * 180) / Math.PI;
  return {
    points: corners.map((corner) => corner.join()).join(" "),
    transform: `translate(${from.join()}) rotate(${angle})`,
    size: Math.max(1, upright ? across : down),
    length: Math.max(1, upright ? down : across),
  };
}

/** The section beside the picture with its text: the lines of the search first, each of which can be copied. */
export function WrittenText({ picture, hit }: Props) {
  const { t } = usePageSpeech();
  const { toasts } = useShared();
  const { data } = useQuery(textOf(picture.id));
  if (!data || data.text === "") return null;
  const copy = async (text: string) => {
    try {
      await copyText(text);
      toasts.say(t.written.copied);
    } catch {
      toasts.say(t.written.notCopied);
    }
  };
  return (
    <section className={styles.text} aria-label={t.written.label}>
      <h3>{t.written.label}</h3>
      {hit && hit.lines.length > 0 && (
        <ul aria-label={t.written.found}>
          {hit.lines.map((line) => (
            <li key={keyOf(line)}>
              <mark>{line.text}</mark>
              <button
                type="button"
                aria-label={t.written.copyLine(line.text)}
                onClick={() => void copy(line.text)}
              >
                {t.written.copy}
              </button>
            </li>
          ))}
        </ul>
      )}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a text that scrolls can be scrolled by keyboard */}
      <p tabIndex={0}>{data.text}</p>
      <button type="button" onClick={() => void copy(data.text)}>
        {t.written.copyAll}
      </button>
    </section>
  );
}
